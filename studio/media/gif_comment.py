"""The comment block of a GIF (GIF89a specification, section 24): where a GIF carries its record."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from studio.media.limits import MAX_FRAMES, MAX_RECORD_CHARS

_HEADER_BYTES = 13
_MAX_BLOCKS = 64
"""Blocks looked at before the first picture: more is no GIF that was written here."""


def insert_comment(path: Path, text: str) -> None:
    """Put `text` (ASCII) as a comment block before the first picture of a GIF file, in place."""
    data = path.read_bytes()
    at = _HEADER_BYTES + _palette_bytes(data[10])
    raw = text.encode("ascii")
    parts = (raw[i : i + 255] for i in range(0, len(raw), 255))
    block = b"\x21\xfe" + b"".join(bytes([len(p)]) + p for p in parts) + b"\x00"
    path.write_bytes(data[:at] + block + data[at:])


def read_comment(path: Path) -> str | None:
    """The first comment block before the first picture, or None. Reads no further than that, within bounds."""
    with path.open("rb") as file:
        header = file.read(_HEADER_BYTES)
        if len(header) < _HEADER_BYTES:
            return None
        file.seek(_palette_bytes(header[10]), 1)
        for _ in range(_MAX_BLOCKS):
            start = file.read(2)
            if len(start) < 2 or start[:1] != b"\x21":
                return None
            body = _sub_blocks(file)
            if start[1:] == b"\xfe":
                return body.decode("ascii", errors="replace")
    return None


def _palette_bytes(flags: int) -> int:
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def _sub_blocks(file: BinaryIO) -> bytes:
    parts: list[bytes] = []
    total = 0
    while total <= MAX_RECORD_CHARS:
        size = file.read(1)
        if not size or size == b"\x00":
            break
        parts.append(file.read(size[0]))
        total += len(parts[-1])
    return b"".join(parts)


def count_pictures(path: Path, most: int = MAX_FRAMES + 1) -> int:
    """How many pictures a GIF holds, by walking its blocks; stops at `most`."""
    count = 0
    with path.open("rb") as file:
        header = file.read(_HEADER_BYTES)
        if len(header) < _HEADER_BYTES:
            return 0
        file.seek(_palette_bytes(header[10]), 1)
        while count < most and (start := file.read(1)) in (b"\x21", b"\x2c"):
            if start == b"\x2c":
                count += 1
                descriptor = file.read(9)
                if len(descriptor) < 9:
                    break
                file.seek(_palette_bytes(descriptor[8]), 1)
            file.read(1)  # the extension's label, or the picture's code size
            while size := file.read(1):
                if size == b"\x00":
                    break
                file.seek(size[0], 1)
    return count
