"""A trained subject as files: a LoRA that diffusers and peft read, and the token's rows beside it, both safetensors.

    lora.safetensors         transformer.LAYER.lora_A.weight (rank, inputs), ...lora_B.weight (outputs, rank); scale 1
    embeddings.safetensors   rows (k, d): the token's rows of the text encoder, in order

Both carry one JSON text "gimbal" in their metadata (see `Card`). Files are untrusted input: headers are read before any
weight, nothing but safetensors is opened, and no torch is needed here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from pipelines.domain.errors import MediaError
from pipelines.domain.subject import is_digest, is_token

LORA, EMBEDDINGS = "lora.safetensors", "embeddings.safetensors"
REFERENCE = "reference.json"
KEY = "gimbal"
MAX_HEADER = 32 * 2**20
_PICKLED = (".pt", ".bin", ".ckpt", ".pth", ".pkl", ".pickle")
_DTYPES = frozenset({"F32", "F16", "BF16", "F64"})


@dataclass(frozen=True, kw_only=True)
class Card:
    """What a subject's file says of itself. base: the fingerprint of the model it belongs to, "" where not known."""

    token: str
    class_word: str
    name: str
    method: str
    base: str = ""
    base_title: str = ""
    steps: int = 0


@dataclass(frozen=True)
class Header:
    """A safetensors file without its weights: shapes by name, its metadata, and where the data begins."""

    shapes: Mapping[str, tuple[int, ...]]
    dtypes: Mapping[str, str]
    offsets: Mapping[str, tuple[int, int]]
    metadata: Mapping[str, str]
    begin: int


def metadata_of(card: Card) -> dict[str, str]:
    """The metadata of a file of that subject."""
    return {"format": "pt", KEY: json.dumps({"version": 1, **asdict(card)}, sort_keys=True)}


def read_header(path: Path) -> Header:
    """The header of a safetensors file. Raises MediaError in plain words for whatever else it is."""
    if path.suffix.lower() in _PICKLED or _is_pickle(path):
        message = f"{path.name} is a pickle file, which can run any code when it is opened; it was not opened."
        raise MediaError(message, "Ask for the file in safetensors.")
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if not 2 <= length <= min(MAX_HEADER, size - 8):
                raise ValueError("its header has no sensible length")
            raw = json.loads(file.read(length))
        return _header(raw, 8 + length, size)
    except OSError as error:
        raise MediaError(f"{path.name} cannot be read ({error.strerror}).", "Check the file.") from None
    except (ValueError, KeyError, TypeError, RecursionError, AttributeError) as error:
        message = f"{path.name} is no sound safetensors file ({str(error)[:100]})."
        raise MediaError(message, "Fetch it again, or choose another one.") from None


def read_card(header: Header) -> Card | None:
    """What a file of Gimbal says of its subject; None for files of other programs."""
    try:
        raw = json.loads(header.metadata[KEY])
        known = {field.name for field in fields(Card)}
        card = Card(**{name: value for name, value in raw.items() if name in known})
        texts = (card.token, card.class_word, card.name, card.method, card.base, card.base_title)
        sound = all(isinstance(text, str) and len(text) <= 300 for text in texts) and isinstance(card.steps, int)
    except (KeyError, ValueError, TypeError, AttributeError, RecursionError):
        return None
    return card if sound and is_token(card.token) else None


def digest_of(folder: Path) -> str:
    """The content hash of a subject's files in a folder: the name under which requests know it."""
    digest = hashlib.sha256()
    for name in (LORA, EMBEDDINGS):
        path = folder / name
        digest.update(f"{name}:{path.stat().st_size if path.exists() else -1}:".encode())
        if path.exists():
            with path.open("rb") as file:
                while block := file.read(2**20):
                    digest.update(block)
    return digest.hexdigest()


def worn_folder(subjects: Path, digest: str) -> Path:
    """Where the files of a content hash lie."""
    if not is_digest(digest):
        raise ValueError("no content hash")
    return subjects / digest


def rewrite(source: Path, header: Header, names: Mapping[str, str], target: Path, metadata: Mapping[str, str]) -> None:
    """Copy the tensors `names` (old name -> new name) to another file, their bytes as they are."""
    table: dict[str, Any] = {"__metadata__": dict(metadata)}
    at = 0
    order = sorted(names, key=lambda name: names[name])
    for name in order:
        first, last = header.offsets[name]
        shape = list(header.shapes[name])
        table[names[name]] = {"dtype": header.dtypes[name], "shape": shape, "data_offsets": [at, at + last - first]}
        at += last - first
    text = json.dumps(table).encode()
    text += b" " * (-len(text) % 8)
    with source.open("rb") as reading, target.open("wb") as writing:
        writing.write(len(text).to_bytes(8, "little") + text)
        for block in _blocks(reading, header, order):
            writing.write(block)


def _blocks(file: Any, header: Header, order: Iterable[str]) -> Iterable[bytes]:
    for name in order:
        first, last = header.offsets[name]
        file.seek(header.begin + first)
        left = last - first
        while left > 0:
            block = file.read(min(left, 2**22))
            if not block:
                raise MediaError("The file ends before its last tensor.", "Fetch it again.")
            left -= len(block)
            yield block


def _header(raw: dict[str, Any], begin: int, size: int) -> Header:
    metadata = raw.pop("__metadata__", {})
    shapes: dict[str, tuple[int, ...]] = {}
    dtypes: dict[str, str] = {}
    offsets: dict[str, tuple[int, int]] = {}
    for name, told in raw.items():
        first, last = told["data_offsets"]
        shape = tuple(int(side) for side in told["shape"])
        if not 0 <= first <= last <= size - begin:
            raise ValueError("it was cut off")
        shapes[name], dtypes[name], offsets[name] = shape, str(told["dtype"]), (first, last)
    texts = {str(k): str(v) for k, v in metadata.items()}
    return Header(shapes=shapes, dtypes=dtypes, offsets=offsets, metadata=texts, begin=begin)


def _is_pickle(path: Path) -> bool:
    """Whether a file begins as pickles do, or as the archives that torch puts them into."""
    try:
        with path.open("rb") as file:
            start = file.read(4)
    except OSError:
        return False
    return start[:2] in (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05") or start == b"PK\x03\x04"


def unreadable_kinds(header: Header) -> tuple[str, ...]:
    """Number formats in a file that no LoRA is kept in."""
    return tuple(sorted({dtype for dtype in header.dtypes.values() if dtype not in _DTYPES}))
