"""Files that are whole or not there: written beside their target, flushed to the disk, then renamed over it."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from pipelines.domain.errors import NoSpace, StorageError

_FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)


@contextlib.contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """A temporary path in the target's folder that becomes the target when the block ends well, and goes otherwise.

    Raises NoSpace or StorageError in place of OSError.
    """
    part = target.with_name(f".{secrets.token_hex(8)}.part{target.suffix}")
    try:
        if target.is_dir():
            raise StorageError(f"{target.name} is a folder.", "Choose a file name.")
        yield part
        _flush(part)
        part.replace(target)
        _flush_folder(target.parent)
    except OSError as error:
        raise storage_error(error, target) from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def write_bytes(target: Path, data: bytes) -> None:
    """Write a small file whole. Raises NoSpace or StorageError."""
    with replacing(target) as part:
        part.write_bytes(data)


def storage_error(error: OSError, target: Path) -> StorageError:
    """An operating system's refusal to write `target`, in plain words."""
    if error.errno in _FULL:
        return NoSpace(f"The disk is full: {target.name} was not written.", "Free some space and try again.")
    if error.errno in _FORBIDDEN:
        message = f"{target.name} cannot be written: the folder {target.parent} is read-only."
        return StorageError(message, "Choose another folder, or allow writing to this one.")
    if error.errno == errno.ENOENT:
        return StorageError(f"The folder {target.parent} does not exist.", "Make it, or choose another folder.")
    if error.errno == errno.EFBIG:
        return StorageError(f"{target.name} is larger than this disk takes.", "Choose another disk or a shorter clip.")
    return StorageError(f"{target.name} was not written ({error.strerror or error}).", "Try another folder.")


def _flush(path: Path) -> None:
    with path.open("r+b") as file:
        os.fsync(file.fileno())


def _flush_folder(folder: Path) -> None:
    """Make the rename itself durable; systems without folder handles (Windows) need no such step."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):
            os.fsync(handle)
    finally:
        os.close(handle)
