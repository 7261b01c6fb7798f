"""The header of a GGUF file as untrusted input: names, shapes and number formats of its tensors, without the weights.

Every count is bounded and every place compared with the file's length (format: the GGUF specification of ggml, version
2 and 3). Only the formats that diffusers can compute with are read.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pipelines.domain.errors import BrokenCheckpoint
from pipelines.models.weights import AGAIN

_MAX_TENSORS, _MAX_FACTS, _MAX_ITEMS = 50_000, 5_000, 2_000_000
_MAX_NAME, _MAX_TEXT, _MAX_AXES = 512, 64 * 2**20, 5
_STRING, _ARRAY = 8, 9
_SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
_ALIGNMENT = "general.alignment"
# By the number of a format in the file: its name, how many weights make a block, and the block's bytes.
_FORMATS = {
    0: ("F32", 1, 4),
    1: ("F16", 1, 2),
    30: ("BF16", 1, 2),
    2: ("Q4_0", 32, 18),
    3: ("Q4_1", 32, 20),
    6: ("Q5_0", 32, 22),
    7: ("Q5_1", 32, 24),
    8: ("Q8_0", 32, 34),
    10: ("Q2_K", 256, 84),
    11: ("Q3_K", 256, 110),
    12: ("Q4_K", 256, 144),
    13: ("Q5_K", 256, 176),
    14: ("Q6_K", 256, 210),
}


@dataclass(frozen=True, kw_only=True)
class Packed:
    """A tensor in a GGUF file. shape: as torch has it. kind: the format's name. size: bytes in the file."""

    shape: tuple[int, ...]
    kind: str
    size: int


def read_gguf(path: Path) -> dict[str, Packed]:
    """Every tensor of a GGUF file by name. Raises BrokenCheckpoint."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            return _Header(file, path, size).tensors()
    except FileNotFoundError:
        raise BrokenCheckpoint(f"The checkpoint misses the file {path}.", AGAIN) from None
    except (OSError, ValueError, struct.error, RecursionError) as error:
        raise BrokenCheckpoint(f"The header of {path} is damaged or cut short ({str(error)[:200]}).", AGAIN) from None


class _Header:
    """A reader that walks over the header once."""

    def __init__(self, file: BinaryIO, path: Path, size: int) -> None:
        self._file, self._path, self._size = file, path, size
        self._alignment = 32
        self._items = 0

    def tensors(self) -> dict[str, Packed]:
        if self._file.read(4) != b"GGUF" or self._number("<I") not in (2, 3):
            raise ValueError("it does not begin as GGUF of version 2 or 3 does")
        count, facts = self._number("<Q"), self._number("<Q")
        if count > _MAX_TENSORS or facts > _MAX_FACTS:
            raise ValueError(f"it claims {count:,} tensors and {facts:,} facts")
        for _ in range(facts):
            self._fact()
        entries = [self._entry() for _ in range(count)]
        start = -(-self._file.tell() // self._alignment) * self._alignment
        for name, packed, offset in entries:
            if start + offset + packed.size > self._size:
                raise ValueError(f"tensor {name} lies beyond its end")
        found = {name: packed for name, packed, _ in entries}
        if len(found) != count:
            raise ValueError("two of its tensors share a name")
        return found

    def _number(self, form: str) -> int:
        return int(struct.unpack(form, self._file.read(struct.calcsize(form)))[0])

    def _text(self, limit: int) -> str:
        length = self._number("<Q")
        if length > limit:
            raise ValueError(f"a text of {length:,} bytes")
        raw = self._file.read(length)
        if len(raw) != length:
            raise ValueError("a text goes on beyond its end")
        return raw.decode("utf-8", errors="replace")

    def _fact(self) -> None:
        key, kind = self._text(_MAX_NAME), self._number("<I")
        if key == _ALIGNMENT and kind == 4:
            self._alignment = self._number("<I")
            if not 1 <= self._alignment <= 2**20:
                raise ValueError(f"an alignment of {self._alignment}")
            return
        self._pass(kind)

    def _pass(self, kind: int) -> None:
        """Go over a value."""
        self._items += 1
        if self._items > _MAX_ITEMS:
            raise ValueError("too many facts")
        if kind == _STRING:
            self._text(_MAX_TEXT)
        elif kind == _ARRAY:
            inner, length = self._number("<I"), self._number("<Q")
            if inner in _SIZES:
                self._skip(length * _SIZES[inner])
                return
            for _ in range(length):
                self._pass(inner)
        else:
            self._skip(_SIZES[kind] if kind in _SIZES else -1)

    def _skip(self, size: int) -> None:
        if not 0 <= size <= self._size - self._file.tell():
            raise ValueError("a value of no known kind or beyond its end")
        self._file.seek(size, 1)

    def _entry(self) -> tuple[str, Packed, int]:
        name, axes = self._text(_MAX_NAME), self._number("<I")
        if not 0 <= axes <= _MAX_AXES:
            raise ValueError(f"tensor {name} has {axes} axes")
        shape = tuple(self._number("<Q") for _ in range(axes))[::-1]
        kind, offset = self._number("<I"), self._number("<Q")
        if kind not in _FORMATS:
            message = f"{self._path} stores {name[:80]} in a number format (number {kind}) that diffusers cannot read."
            raise BrokenCheckpoint(message, "Use one in Q8_0, Q6_K, Q5_K, Q4_K or another K or plain format.")
        told, block, size = _FORMATS[kind]
        if shape and shape[-1] % block:
            raise ValueError(f"tensor {name} is no whole number of blocks")
        return name, Packed(shape=shape, kind=told, size=math.prod(shape) // block * size), offset
