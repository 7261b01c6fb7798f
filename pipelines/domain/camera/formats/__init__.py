"""Camera files: one module per format, one list.

A format's module defines NAME, TITLE, SUFFIXES, `looks_like(head, name) -> bool`, `decode(data, beside) -> CameraFile`
and `encode(source) -> Encoded`. To add one, add its file and its name here. Only numbers are taken from a file: no
name, path or address inside one is ever followed.
"""

from __future__ import annotations

import importlib
from pathlib import PurePath

from pipelines.domain.camera.formats.files import CameraFile, CameraFormat, Encoded, Source, refuse
from pipelines.domain.camera.path import CameraPath
from pipelines.domain.camera.track import CameraTrack, track_of

FORMATS = ("gimbal", "re10k", "nerfstudio", "colmap", "tum", "gltf")


def format_named(name: str) -> CameraFormat:
    """The module of a format. Raises InvalidRequest where there is none of that name."""
    if name not in FORMATS:
        raise refuse(f"There is no camera format “{name[:40]}”.", f"Known are {', '.join(FORMATS)}.")
    module: CameraFormat = importlib.import_module(f"pipelines.domain.camera.formats.{name}")
    return module


def format_of(name: str) -> CameraFormat | None:
    """The format that a file of this name is to be written in, None where the name does not decide it."""
    lower = PurePath(name).name.lower()
    found = [form for form in map(format_named, FORMATS) for suffix in form.SUFFIXES if lower.endswith(suffix)]
    return max(found, key=lambda form: max(len(s) for s in form.SUFFIXES if lower.endswith(s)), default=None)


def recognise(data: bytes, name: str = "") -> CameraFormat:
    """The format of a file by what it holds. Raises InvalidRequest where it is none of the known ones."""
    head = data[:65_536].decode("utf-8", "replace") if b"\0" not in data[:1024] else ""
    for form in map(format_named, FORMATS):
        if form.looks_like(head, PurePath(name).name.lower()):
            return form
    raise refuse("This is no camera file that Gimbal knows.", f"Known are {', '.join(FORMATS)}.")


def decode(data: bytes, *, name: str = "", form: str | None = None, beside: bytes | None = None) -> CameraFile:
    """Read a camera file.

    name: its file name, which may help to know it. form: its format, where it is known. beside: the file that belongs
    to it (cameras.txt of COLMAP). Raises InvalidRequest that names the line and what is wrong with it.
    """
    module = format_named(form) if form else recognise(data, name)
    return module.decode(data, beside)


def encode(
    source: CameraPath | CameraTrack,
    form: str,
    *,
    num_frames: int = 17,
    fps: float = 8.0,
    size: tuple[int, int] = (1024, 576),
) -> Encoded:
    """Write a path or a track in a format.

    num_frames, fps, size (width, height): of the clip, for formats that hold one pose per frame; a track keeps its own.
    Raises InvalidRequest where the path is not sound.
    """
    path = source if isinstance(source, CameraPath) else None
    track = track_of(source, num_frames, fps=fps, size=size) if isinstance(source, CameraPath) else source
    return format_named(form).encode(Source(track=track, path=path, fps=fps, size=track.size or size))
