"""Show what a camera path does: its keys or poses, how far it travels and turns, its lens and its speed."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from studio.cli.camera_source import SOURCE, camera_from, clip_arguments
from studio.cli.console import Console

if TYPE_CHECKING:
    from pipelines.domain.camera.formats.files import CameraFile
    from pipelines.domain.camera.path import CameraKey

HELP = "show what a camera path does"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", metavar="PATH", help=SOURCE)
    clip_arguments(parser)


def run(options: argparse.Namespace, console: Console) -> int:
    from pipelines.domain.camera.text import to_dict

    read = camera_from(options.source, options.source_format, options.frames)
    facts = _facts(read, options.frames)
    console.say(f"{options.source}: {read.form}, {_what(read)}")
    if read.path is not None:
        console.table(("time", "position (m)", "looks", "roll", "mm", "easing"), [_row(key) for key in read.path.keys])
    for name, value in facts.items():
        if isinstance(value, float):
            console.say(f"{name.replace('_', ' '):<24}{value:.3g}")
    for note in read.notes:
        console.note(note)
    path = None if read.path is None else to_dict(read.path)
    console.result(format=read.form, path=path, notes=list(read.notes), **facts)
    return 0


def _what(read: CameraFile) -> str:
    return f"{len(read.path.keys)} keys" if read.path is not None else f"{len(read.track)} poses"


def _facts(read: CameraFile, num_frames: int) -> dict[str, Any]:
    """Sums and peaks over the clip, or over the poses of a file without a path."""
    import numpy as np

    from pipelines.domain.camera.speed import speed_of
    from pipelines.domain.camera.track import track_of

    track = read.track if read.path is None else track_of(read.path, num_frames)
    focal = track.focal_mm if track.focal_mm is not None else np.full(len(track), np.nan)
    speed = speed_of(track.camera_to_world, focal)
    lens = {} if track.focal_mm is None else {"focal_mm_first": float(focal[0]), "focal_mm_last": float(focal[-1])}
    return {
        "frames": len(track),
        "metres": float(speed.metres.sum()),
        "degrees": float(speed.degrees.sum()),
        "most_metres_per_frame": float(speed.metres.max(initial=0.0)),
        "most_degrees_per_frame": float(speed.degrees.max(initial=0.0)),
        **lens,
        "camera_to_world": [[round(float(v), 6) for v in pose[:3].ravel()] for pose in track.camera_to_world],
    }


def _row(key: CameraKey) -> tuple[object, ...]:
    place = " ".join(f"{value:.2f}" for value in key.position)
    looks = "freely" if key.target is None else "at " + " ".join(f"{value:.2f}" for value in key.target)
    return round(key.time, 3), place, looks, f"{key.roll_degrees:.0f}°", round(key.focal_mm, 1), key.easing
