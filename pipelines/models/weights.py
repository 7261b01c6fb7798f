"""Checkpoint folders as untrusted input: located, counted and checked without loading a single weight.

Only safetensors are read. A header is checked against its file's length, so a truncated download is found before any
memory is spent; every complaint is a `BrokenCheckpoint` that names the file and the remedy.
"""

from __future__ import annotations

import json
import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.domain.errors import BrokenCheckpoint

AGAIN = "Download or export the checkpoint again, then start the job anew."
MAX_JSON_BYTES = 64 * 2**20
MAX_HEADER_BYTES = 100 * 10**6  # the limit of the safetensors format itself
PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle")
_ITEM_BYTES = {
    **dict.fromkeys(("BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2"), 1),
    **dict.fromkeys(("I16", "U16", "F16", "BF16"), 2),
    **dict.fromkeys(("I32", "U32", "F32"), 4),
    **dict.fromkeys(("I64", "U64", "F64"), 8),
}


@dataclass(frozen=True, kw_only=True)
class Weights:
    """The files of one component: `parameters` elements in `file_bytes` bytes on disk.

    packed_bytes: what they take in memory where they stay as they are in the file (GGUF), else 0.
    """

    files: tuple[Path, ...]
    parameters: int
    file_bytes: int
    packed_bytes: int = 0


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A tensor in a safetensors file. kind: its number format, as the format names it. size: bytes."""

    shape: tuple[int, ...]
    kind: str
    size: int


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file of a checkpoint. Raises BrokenCheckpoint when it is absent, too long or no object."""
    try:
        if path.stat().st_size > MAX_JSON_BYTES:
            raise BrokenCheckpoint(f"{path} is too long to be a configuration file.", AGAIN)
        raw = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BrokenCheckpoint(f"The checkpoint misses the file {path}.", AGAIN) from None
    except (OSError, ValueError, RecursionError) as error:
        raise BrokenCheckpoint(f"{path} cannot be read as JSON ({error}).", AGAIN) from None
    if not isinstance(raw, dict):
        raise BrokenCheckpoint(f"{path} does not hold a JSON object.", AGAIN)
    return raw


def inside(folder: Path, name: str) -> Path:
    """The file `name` directly in `folder`. Raises BrokenCheckpoint for a name or a link that leaves the checkpoint."""
    if not name or name in (".", "..") or Path(name).name != name or "\\" in name:
        raise BrokenCheckpoint(f"{folder} names the file {name!r}, which lies outside of it.", "Do not use it.")
    path = folder / name
    if path.is_symlink() and not any(path.resolve().is_relative_to(home) for home in _homes(folder)):
        raise BrokenCheckpoint(f"{path} is a link that leaves the checkpoint folder.", "Copy the file in its place.")
    return path


def _homes(folder: Path) -> tuple[Path, ...]:
    """Where links of a component folder may lead: its checkpoint, or the blobs beside a Hub cache's snapshot."""
    checkpoint = folder.resolve().parent
    if checkpoint.parent.name == "snapshots":
        return checkpoint, checkpoint.parent.parent / "blobs"
    return (checkpoint,)


def component_weights(folder: Path, stem: str) -> Weights:
    """The weights of the component in `folder`, single file or shards, each checked against its header.

    stem: file name without suffix, "diffusion_pytorch_model" (diffusers) or "model" (transformers).
    """
    index = folder / f"{stem}.safetensors.index.json"
    if index.is_file():
        return _sharded(folder, index)
    path = inside(folder, f"{stem}.safetensors")
    if not path.is_file():
        raise _missing(folder, path)
    return _counted((path,), {path: read_header(path)})


def _missing(folder: Path, path: Path) -> BrokenCheckpoint:
    pickles = sorted(p.name for p in folder.glob("*") if p.suffix in PICKLES)
    if pickles:
        message = f"{folder} holds its weights only as {pickles[0]}, a pickle, which can run any code when loaded."
        return BrokenCheckpoint(message, "Use a checkpoint in safetensors, or convert it on a machine you do not mind.")
    return BrokenCheckpoint(f"The checkpoint misses the file {path}.", AGAIN)


def _sharded(folder: Path, index: Path) -> Weights:
    weight_map = read_json(index).get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map or not all(isinstance(v, str) for v in weight_map.values()):
        raise BrokenCheckpoint(f"{index} has no weight_map.", AGAIN)
    headers: dict[Path, dict[str, int]] = {}
    for name in sorted(set(weight_map.values())):
        path = inside(folder, name)
        if path.suffix != ".safetensors":
            raise BrokenCheckpoint(f"{index} names {name}, which is no safetensors file.", "Use one in safetensors.")
        headers[path] = read_header(path)
    for tensor, name in weight_map.items():
        if tensor not in headers[folder / name]:
            raise BrokenCheckpoint(f"{folder / name} misses the tensor {tensor} that {index.name} puts there.", AGAIN)
    return _counted(tuple(headers), headers)


def _counted(files: tuple[Path, ...], headers: dict[Path, dict[str, int]]) -> Weights:
    parameters = sum(sum(header.values()) for header in headers.values())
    return Weights(files=files, parameters=parameters, file_bytes=sum(f.stat().st_size for f in files))


def read_header(path: Path) -> dict[str, int]:
    """Number of elements of each tensor in a safetensors file, checked against the file's length."""
    return {name: math.prod(shape) for name, shape in read_shapes(path).items()}


def read_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """The shape of each tensor in a safetensors file, checked against the file's length."""
    return {name: tensor.shape for name, tensor in read_tensors(path).items()}


def read_tensors(path: Path) -> dict[str, Entry]:
    """Each tensor of a safetensors file, checked against the file's length."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8).ljust(8, b"\xff"))
            if length > min(MAX_HEADER_BYTES, size - 8):
                raise BrokenCheckpoint(f"{path} is damaged or cut short: its header does not fit in the file.", AGAIN)
            header = json.loads(file.read(length))
    except FileNotFoundError:
        raise BrokenCheckpoint(f"The checkpoint misses the file {path}.", AGAIN) from None
    except (OSError, ValueError, RecursionError) as error:
        raise BrokenCheckpoint(f"The header of {path} cannot be read ({error}).", AGAIN) from None
    tensors, end = _tensors(path, header)
    if 8 + length + end != size:
        raise BrokenCheckpoint(f"{path} is cut short or damaged: {size:,} bytes, not {8 + length + end:,}.", AGAIN)
    return tensors


def _tensors(path: Path, header: Any) -> tuple[dict[str, Entry], int]:
    """(each tensor, where the last one ends); the tensors must tile the data without gap or overlap."""
    try:
        entries = {name: entry for name, entry in header.items() if name != "__metadata__"}
        spans = sorted((*entry["data_offsets"], name) for name, entry in entries.items())
        tensors: dict[str, Entry] = {}
        end = 0
        for start, stop, name in spans:
            shape, kind = tuple(entries[name]["shape"]), entries[name]["dtype"]
            counted = math.prod(shape) * _ITEM_BYTES[kind]
            if start != end or stop - start != counted or any(type(n) is not int or n < 0 for n in shape):
                raise ValueError(f"tensor {name} does not lie where it should")
            tensors[name] = Entry(shape=shape, kind=kind, size=counted)
            end = stop
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise BrokenCheckpoint(f"The header of {path} makes no sense ({error}).", AGAIN) from None
    return tensors, end
