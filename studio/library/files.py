"""Moving files so that a power cut leaves them whole: contents first, then the name, then the folder."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from studio.home import storage_error

_BLOCK = 1 << 20


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn a refusal of the system to write into StorageError or NoSpace about `path`."""
    try:
        yield
    except OSError as error:
        raise storage_error(error, path) from error


def place(source: Path, target: Path) -> None:
    """Give a finished file its name for good; when this returns, it has it even after a power cut."""
    with writing(target):
        _make_folder(target.parent)
        with source.open("r+b") as file:
            os.fsync(file.fileno())
        os.replace(source, target)
        flush_folder(target.parent)
        if source.parent != target.parent:
            flush_folder(source.parent)


def flush_folder(folder: Path) -> None:
    """Make names in a folder durable. Windows has no such call and keeps its own order."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's bytes, 64 hex digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _make_folder(folder: Path) -> None:
    if not folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        flush_folder(folder.parent)
