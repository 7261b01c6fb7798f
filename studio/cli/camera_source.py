"""What a command can take a camera path from: a camera file, a clip that was made with one, or words."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipelines.domain.camera.formats.files import CameraFile
    from pipelines.domain.camera.path import CameraPath

SOURCE = "a camera file, a clip made with a camera path, or a move in words such as 'orbit left 90 and zoom in 1.5'"
FORMATS = "gimbal, re10k, nerfstudio, colmap, tum or gltf"
CLIPS = (".mp4", ".mov", ".webm", ".mkv", ".gif", ".webp", ".zip")


def clip_arguments(parser: argparse.ArgumentParser) -> None:
    """The options that say which clip a path is played over."""
    parser.add_argument("--frames", type=_count, default=17, metavar="N", help="frames of the clip (17)")
    parser.add_argument("--from", dest="source_format", metavar="FORMAT", help=f"format of the file: {FORMATS}")


def _count(text: str) -> int:
    if not text.isdecimal() or not 2 <= int(text) <= 10_000:
        raise argparse.ArgumentTypeError(f"{text[:20]!r} is no number of frames from 2 to 10,000")
    return int(text)


def camera_from(text: str, form: str | None, num_frames: int) -> CameraFile:
    """The camera that is meant. Raises InvalidRequest, StorageError or MediaError."""
    file = Path(text)
    if file.suffix.lower() in CLIPS and form is None:
        return _of_clip(file, num_frames)
    if form is not None or _is_file(file) or (file.suffix and " " not in text):
        from pipelines.domain.camera.formats.disk import read_file

        return read_file(file, form)
    from pipelines.domain.camera.plan_text import path_from_text

    return _of_path(path_from_text(text), "words", num_frames)


def _is_file(file: Path) -> bool:
    try:
        return file.is_file()
    except (OSError, ValueError):  # a long move is no possible name of a file
        return False


def _of_clip(file: Path, num_frames: int) -> CameraFile:
    from pipelines.domain.errors import MediaError
    from studio.media.tags import read_record

    request = read_record(file).request
    if request.camera is None:
        raise MediaError(f"{file.name} was made without a camera path.", "Choose a clip made in the Camera tab.")
    return _of_path(request.camera, "clip", request.num_frames)


def _of_path(path: CameraPath, form: str, num_frames: int) -> CameraFile:
    from pipelines.domain.camera.formats.files import CameraFile
    from pipelines.domain.camera.track import track_of

    return CameraFile(form=form, track=track_of(path, num_frames), path=path)
