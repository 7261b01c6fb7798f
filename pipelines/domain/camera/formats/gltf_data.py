"""The containers of glTF: JSON with its bytes inside (.gltf with data addresses, or .glb), read within bounds."""

from __future__ import annotations

import base64
import binascii
import json
import struct
from typing import Any

import numpy as np

from pipelines.domain.camera.formats.files import bounded_count, listed, refuse, text_of
from pipelines.domain.camera.pose import Floats

_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}
_SCALES = {
    5126: ("<f4", 1.0),
    5120: ("<i1", 127.0),
    5121: ("<u1", 255.0),
    5122: ("<i2", 32767.0),
    5123: ("<u2", 65535.0),
}
"""Component types with their numpy names and what a normalised integer is divided by."""


class Document:
    """A glTF document; every look-up is checked and raises InvalidRequest where the file does not hold it."""

    def __init__(self, raw: dict[str, Any], binary: bytes) -> None:
        self.raw, self.binary = raw, binary

    def items(self, name: str) -> list[dict[str, Any]]:
        found = self.raw.get(name, [])
        if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
            raise refuse(f"The glTF file's “{name}” is no list of objects.")
        bounded_count(len(found))
        for item in found:
            if not isinstance(item.get("children", []), list) or not isinstance(item.get("channels", []), list):
                raise refuse(f"The glTF file's “{name}” holds something that is no list.")
        return found

    def item(self, name: str, index: Any) -> dict[str, Any]:
        found = self.items(name)
        if not isinstance(index, int) or not 0 <= index < len(found):
            raise refuse(f"The glTF file has no entry {str(index)[:20]} in “{name}”.")
        return found[index]

    def listed(self, raw: Any, length: int, where: str) -> list[float]:
        return listed(raw, length, where)

    def floats(self, accessor: Any, width: int) -> Floats:
        """The numbers (n, width) of an accessor."""
        raw = self.item("accessors", accessor)
        if _WIDTHS.get(str(raw.get("type"))) != width or raw.get("componentType") not in _SCALES or "sparse" in raw:
            raise refuse("An accessor of the glTF file is of a kind that animations do not have.")
        kind, divisor = _SCALES[raw["componentType"]]
        view = self.item("bufferViews", raw.get("bufferView"))
        data = self._buffer(view.get("buffer"))
        step = np.dtype(kind).itemsize * width
        count, start, stride = raw.get("count"), _offset(raw) + _offset(view), view.get("byteStride", step)
        if not isinstance(count, int) or not isinstance(stride, int) or count < 1 or not step <= stride <= 252:
            raise refuse("An accessor of the glTF file has no usable count or stride.")
        bounded_count(count // 3)
        if start + stride * (count - 1) + step > len(data):
            raise refuse("The glTF file is cut short: an accessor reaches beyond its data.")
        rows = [np.frombuffer(data, kind, width, start + stride * n) for n in range(count)]
        values = np.stack(rows).astype(np.float64) / divisor
        if not np.isfinite(values).all():
            raise refuse("The glTF file holds something that is no number.")
        return np.asarray(values)

    def _buffer(self, index: Any) -> bytes:
        uri = self.item("buffers", index).get("uri")
        if uri is None:
            return self.binary
        head, comma, body = str(uri).partition(",")
        if not head.startswith("data:") or not head.endswith(";base64") or not comma:
            raise refuse("The glTF file keeps its data in another file.", "Export it as .glb, or as one .gltf.")
        try:
            return base64.b64decode(body, validate=True)
        except (binascii.Error, ValueError):
            raise refuse("The data inside the glTF file are damaged.") from None


def opened(data: bytes) -> Document:
    """The document in the bytes of a .gltf or .glb file. Raises InvalidRequest."""
    binary = b""
    if data[:4] == b"glTF":
        text, binary = _chunks(data)
    else:
        text = text_of(data)
    try:
        raw = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise refuse(f"The glTF file is not readable JSON ({error}).") from None
    if not isinstance(raw, dict):
        raise refuse("The glTF file is no JSON object.")
    return Document(raw, binary)


def _chunks(data: bytes) -> tuple[str, bytes]:
    found: dict[bytes, bytes] = {}
    place = 12
    while place + 8 <= len(data):
        length, kind = struct.unpack_from("<I4s", data, place)
        if place + 8 + length > len(data):
            raise refuse("The glb file is cut short.")
        found.setdefault(kind, data[place + 8 : place + 8 + length])
        place += 8 + length
    if b"JSON" not in found:
        raise refuse("The glb file has no JSON part.")
    return text_of(found[b"JSON"]), found.get(b"BIN\0", b"")


def _offset(raw: dict[str, Any]) -> int:
    value = raw.get("byteOffset", 0)
    if not isinstance(value, int) or value < 0:
        raise refuse("The glTF file has an offset that is none.")
    return value
