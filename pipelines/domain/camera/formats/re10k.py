"""RealEstate10K and CameraCtrl text: one line of address, then 19 numbers per frame.

timestamp (microseconds), fx fy cx cy (fractions of width and height), 0 0, and the world-to-camera matrix, three rows
of four, OpenCV axes. The rows' fx and fy give the aspect of square pixels; positions have no unit.
"""

from __future__ import annotations

import numpy as np

from pipelines.domain.camera import pose
from pipelines.domain.camera.formats.files import (
    NO_UNIT,
    CameraFile,
    Encoded,
    Source,
    bounded_count,
    focals,
    lens,
    lines_of,
    not_held,
    numbers,
    refuse,
    rotation,
    track_from,
)
from pipelines.domain.camera.pose import SENSOR_HEIGHT_MM, Floats

NAME = "re10k"
TITLE = "RealEstate10K / CameraCtrl (txt)"
SUFFIXES = (".txt", ".re10k.txt")
_COLUMNS = 19


def looks_like(head: str, name: str) -> bool:
    lines = head.splitlines()[:3]
    return len(lines) > 1 and len(lines[0].split()) <= 1 and len(lines[1].split()) == _COLUMNS


def decode(data: bytes, beside: bytes | None) -> CameraFile:
    rows: list[Floats] = []
    poses: list[Floats] = []
    for number, line in lines_of(data):
        words = line.split()
        if not words or (not rows and len(words) == 1):
            continue  # the address of the video, which is not followed
        where = f"Line {number} of the camera file"
        if len(words) != _COLUMNS:
            raise refuse(f"{where} has {len(words)} numbers, not {_COLUMNS}.")
        row = np.array(numbers(words, where))
        rows.append(row)
        poses.append(_pose(row, where))
        bounded_count(len(rows))
    if not rows:
        raise refuse("The camera file holds no pose.")
    table = np.stack(rows)
    seconds = table[:, 0] / 1e6
    notes = [NO_UNIT]
    if np.abs(table[:, 3:5] - 0.5).max() > 1e-6:
        notes.append("Its principal point is not in the middle of the picture; that is left out.")
    rises = len(seconds) < 2 or bool((np.diff(seconds) > 0).all())
    if not rises:
        notes.append("Its times do not rise; the frames are taken as evenly spaced.")
    track = track_from(
        poses,
        focal_mm=table[:, 2] * SENSOR_HEIGHT_MM,
        seconds=seconds - seconds[0] if rises else None,
        aspect=float(np.median(table[:, 2] / table[:, 1])),
    )
    return CameraFile(form=NAME, track=track, notes=tuple(notes))


def _pose(row: Floats, where: str) -> Floats:
    if min(row[1], row[2]) <= 0.0:
        raise refuse(f"{where} has a focal length that is not positive.")
    lens(row[2] * SENSOR_HEIGHT_MM, where)
    world_to_camera = row[7:].reshape(3, 4)
    return pose.inverse(pose.matrices(rotation(world_to_camera[:, :3], where), world_to_camera[:, 3]))


def encode(source: Source) -> Encoded:
    focal, notes = focals(source)
    track = source.track
    aspect = track.aspect or source.size[0] / source.size[1]
    seconds = track.seconds if track.seconds is not None else np.arange(len(track)) / source.fps
    lines = [""]
    for matrix, mm, second in zip(pose.inverse(track.camera_to_world), focal, seconds, strict=True):
        fy = mm / SENSOR_HEIGHT_MM
        row = [fy / aspect, fy, 0.5, 0.5, 0.0, 0.0, *matrix[:3].ravel()]
        lines.append(f"{round(second * 1e6)} " + " ".join(f"{value:.12f}" for value in row))
    return Encoded(data=("\n".join(lines) + "\n").encode(), notes=(*notes, *not_held(source, TITLE)))
