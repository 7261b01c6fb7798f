"""What kind of file this is, from its first bytes and never from its name."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pipelines.domain.errors import MediaError
from studio.media.limits import MAX_FILE_BYTES, MAX_PICTURE_BYTES

Container = Literal["mp4", "mov", "webm", "avi", "gif", "webp", "png", "jpeg", "zip", "json"]
PICTURES: frozenset[Container] = frozenset({"gif", "webp", "png", "jpeg"})
CLIPS: frozenset[Container] = frozenset({"mp4", "mov", "webm", "avi"})
KNOWN = "Use mp4, mov, webm, mkv, avi, gif, webp, png or jpeg."
_OLD_QUICKTIME = (b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")
_PICTURE_BRANDS = (b"avif", b"avis", b"heic", b"heix", b"hevc", b"mif1", b"msf1")


def sniff(path: Path) -> Container:
    """The container of a file. Raises MediaError where it is no readable file or none of the known kinds."""
    head = _head(path)
    kind = _known(head)
    if kind is not None:
        return kind
    if head[4:8] == b"ftyp" and head[8:12] in _PICTURE_BRANDS:
        raise MediaError(f"{path.name} is an AVIF or HEIC picture, which is not read here.", "Save it as PNG or JPEG.")
    raise MediaError(f"{path.name} is no picture or clip of a known kind, whatever its name says.", KNOWN)


def media_container(path: Path) -> Container:
    """Like `sniff`, and of pictures and clips alone, within the bounds on bytes."""
    kind = sniff(path)
    if kind not in PICTURES | CLIPS:
        raise MediaError(f"{path.name} is no picture or clip.", KNOWN)
    limit = MAX_PICTURE_BYTES if kind in PICTURES else MAX_FILE_BYTES
    if path.stat().st_size > limit:
        raise MediaError(f"{path.name} is larger than {limit // 2**20:,} MiB.", "Cut it or make it smaller first.")
    return kind


def _known(head: bytes) -> Container | None:
    if head[4:8] == b"ftyp" and head[8:12] not in _PICTURE_BRANDS:
        return "mov" if head[8:12] == b"qt  " else "mp4"
    if head[4:8] in _OLD_QUICKTIME:
        return "mov"
    if head[:4] == b"RIFF":
        riff: dict[bytes, Container] = {b"AVI ": "avi", b"WEBP": "webp"}
        return riff.get(head[8:12])
    starts: tuple[tuple[bytes, Container], ...] = (
        (b"\x1a\x45\xdf\xa3", "webm"),
        (b"GIF87a", "gif"),
        (b"GIF89a", "gif"),
        (b"\x89PNG\r\n\x1a\n", "png"),
        (b"\xff\xd8\xff", "jpeg"),
        (b"PK\x03\x04", "zip"),
        (b"{", "json"),
    )
    return next((kind for start, kind in starts if head.startswith(start)), None)


def _head(path: Path) -> bytes:
    if path.is_dir():
        raise MediaError(f"{path.name} is a folder, not a picture or clip.", "Choose a file inside it.")
    if path.exists() and not path.is_file():
        raise MediaError(f"{path.name} is no ordinary file.", "Copy it to a file first.")
    try:
        with path.open("rb") as file:
            head = file.read(16)
    except FileNotFoundError:
        raise MediaError(f"There is no file {path.name} in {path.parent}.", "Check the name.") from None
    except (OSError, ValueError) as error:
        raise MediaError(f"{path.name} cannot be opened ({error}).", "Check that you may read it.") from None
    if not head:
        raise MediaError(f"{path.name} is empty (0 bytes).", "Copy or download it again.")
    return head
