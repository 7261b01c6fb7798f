"""TUM trajectories: `timestamp tx ty tz qx qy qz qw` per line, camera to world. No lens, no size."""

from __future__ import annotations

import numpy as np

from pipelines.domain.camera import pose
from pipelines.domain.camera.formats.files import (
    CameraFile,
    Encoded,
    Source,
    bounded_count,
    lines_of,
    not_held,
    numbers,
    quaternion,
    refuse,
    track_from,
)
from pipelines.domain.camera.pose import Floats

NAME = "tum"
TITLE = "TUM trajectory (txt)"
SUFFIXES = (".tum", ".tum.txt")
_COLUMNS = 8
_AXES = "It does not say its axes or unit; they are taken as x right, y down, z forward, and metres."


def looks_like(head: str, name: str) -> bool:
    rows = [line.split() for line in head.splitlines() if line.strip() and not line.startswith("#")]
    return bool(rows) and len(rows[0]) == _COLUMNS and not name.startswith("cameras")


def decode(data: bytes, beside: bytes | None) -> CameraFile:
    poses: list[Floats] = []
    seconds: list[float] = []
    for number, line in lines_of(data):
        words = line.split()
        if not words:
            continue
        where = f"Line {number} of the camera file"
        if len(words) != _COLUMNS:
            raise refuse(f"{where} has {len(words)} numbers, not {_COLUMNS}.")
        second, x, y, z, qx, qy, qz, qw = numbers(words, where)
        if seconds and second <= seconds[-1]:
            raise refuse(f"{where} is not later than the line before it.")
        poses.append(pose.matrices(quaternion([qw, qx, qy, qz], where), [x, y, z]))
        seconds.append(second)
        bounded_count(len(poses))
    known = np.array(seconds) - seconds[0] if seconds else None
    notes = ("It holds no lens; ask for one when you use it.", _AXES)
    return CameraFile(form=NAME, track=track_from(poses, seconds=known), notes=notes)


def encode(source: Source) -> Encoded:
    track = source.track
    seconds = track.seconds if track.seconds is not None else np.arange(len(track)) / source.fps
    lines = ["# timestamp tx ty tz qx qy qz qw"]
    rotations = pose.quaternion_from_rotation(track.camera_to_world[:, :3, :3])
    for second, place, (w, x, y, z) in zip(seconds, track.camera_to_world[:, :3, 3], rotations, strict=True):
        row = [*place, x, y, z, w]
        lines.append(f"{second:.6f} " + " ".join(f"{value:.12f}" for value in row))
    notes = () if track.focal_mm is None else ("TUM holds no lens: focal length and zoom are lost.",)
    return Encoded(data=("\n".join(lines) + "\n").encode(), notes=(*notes, *not_held(source, TITLE)))
