"""Camera files on disk: bounded reading, atomic writing."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from pathlib import Path

from pipelines.domain.camera.formats import colmap, decode, encode, format_named, format_of
from pipelines.domain.camera.formats.files import MAX_BYTES, CameraFile, refuse
from pipelines.domain.camera.path import CameraPath
from pipelines.domain.camera.track import CameraTrack
from pipelines.domain.errors import NoSpace, StorageError


def read_file(file: Path, form: str | None = None) -> CameraFile:
    """Read a camera file; of COLMAP also the cameras.txt in the same folder.

    Raises InvalidRequest that names the line and what is wrong, StorageError where the file cannot be read.
    """
    beside = file.with_name(colmap.BESIDE)
    wants = form == colmap.NAME or (form is None and file.name.lower().endswith(colmap.SUFFIXES))
    lenses = _bytes(beside) if wants and beside.is_file() and beside != file else None
    return decode(_bytes(file), name=file.name, form=form, beside=lenses)


def write_file(
    target: Path,
    source: CameraPath | CameraTrack,
    form: str | None = None,
    *,
    num_frames: int = 17,
    fps: float = 8.0,
    size: tuple[int, int] = (1024, 576),
) -> tuple[str, ...]:
    """Write a camera file in the format that its name or `form` says, and what belongs beside it.

    Returns sentences on what the format cannot hold. Raises InvalidRequest, StorageError, NoSpace.
    """
    module = format_named(form) if form else format_of(target.name)
    if module is None and target.suffix.lower() == ".json":
        module = format_named("gimbal")
    if module is None:
        raise refuse(f"“{target.name}” does not say its format.", "End it with .json, .txt, .tum, .gltf or name one.")
    written = encode(source, module.NAME, num_frames=num_frames, fps=fps, size=size)
    for name, data in written.beside.items():
        _write(target.with_name(name), data)
    _write(target, written.data)
    return written.notes


def _bytes(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            data = opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise StorageError(f"{file.name} cannot be read ({error.strerror}).", "Look at its path and rights.") from None
    if len(data) > MAX_BYTES:
        raise refuse(f"{file.name} has more than {MAX_BYTES // 1_000_000} MB.", "Cut it to the frames you need.")
    return data


def _write(file: Path, data: bytes) -> None:
    beside = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        beside.write_bytes(data)
        os.replace(beside, file)
    except OSError as error:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
        kind = NoSpace if error.errno in (errno.ENOSPC, errno.EDQUOT) else StorageError
        raise kind(f"{file.name} cannot be written ({error.strerror}).", "Choose another place.") from None
