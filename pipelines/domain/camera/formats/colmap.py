"""COLMAP text: images.txt with cameras.txt beside it.

images.txt: `IMAGE_ID QW QX QY QZ TX TY TZ CAMERA_ID NAME`, world to camera, OpenCV axes, and after each a line of 2-D
points. cameras.txt: `CAMERA_ID MODEL WIDTH HEIGHT PARAMS`. Frames stand in the order of their names, which are never
opened.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

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
    quaternion,
    refuse,
    text_of,
    track_from,
)
from pipelines.domain.camera.pose import Floats

NAME = "colmap"
TITLE = "COLMAP images.txt"
SUFFIXES = ("images.txt",)
BESIDE = "cameras.txt"
_MODELS = {
    "SIMPLE_PINHOLE": 3, "PINHOLE": 4, "SIMPLE_RADIAL": 4, "RADIAL": 5, "OPENCV": 8, "FULL_OPENCV": 12,
}  # fmt: skip
"""How many parameters each model has; those that begin with SIMPLE_ or are RADIAL have one focal length, others two."""
_ONE_FOCAL = ("SIMPLE_PINHOLE", "SIMPLE_RADIAL", "RADIAL")


@dataclass(frozen=True)
class _Lens:
    focal_mm: float
    size: tuple[int, int]
    notes: tuple[str, ...]


def looks_like(head: str, name: str) -> bool:
    rows = [line.split() for line in head.splitlines() if line.strip() and not line.startswith("#")]
    return "QW" in head[:2000] or (name == "images.txt" and bool(rows) and len(rows[0]) >= 10)


def decode(data: bytes, beside: bytes | None) -> CameraFile:
    rows = _images(data)
    lenses = _cameras(beside) if beside is not None else {}
    order = sorted(range(len(rows)), key=lambda index: _natural(rows[index].name))
    notes = [NO_UNIT]
    if order != list(range(len(rows))):
        notes.append("Its pictures were put in the order of their names.")
    rows = [rows[index] for index in order]
    if not lenses:
        notes.append(f"Without {BESIDE} beside it the lens is not known.")
        return CameraFile(form=NAME, track=track_from([row.pose for row in rows]), notes=tuple(notes))
    for row in rows:
        if row.camera not in lenses:
            raise refuse(f"{row.where} names camera {row.camera}, which {BESIDE} does not have.")
    used = [lenses[row.camera] for row in rows]
    notes += dict.fromkeys(note for found in used for note in found.notes)
    sizes = {found.size for found in used}
    if len(sizes) > 1:
        raise refuse("Its cameras have pictures of different sizes.", "Gimbal's clips have one size.")
    focal = np.array([found.focal_mm for found in used])
    track = track_from([row.pose for row in rows], focal_mm=focal, size=used[0].size if used else None)
    return CameraFile(form=NAME, track=track, notes=tuple(notes))


@dataclass(frozen=True)
class _Image:
    pose: Floats
    camera: str
    name: str
    where: str


def _images(data: bytes) -> list[_Image]:
    found: list[_Image] = []
    points_follow = False
    for number, line in _image_lines(data):
        if points_follow:
            points_follow = False
            continue
        if not line:
            continue
        where = f"Line {number} of the camera file"
        words = line.split(maxsplit=9)
        if len(words) != 10:
            raise refuse(f"{where} has {len(words)} entries, not the 10 of a COLMAP picture.")
        w, x, y, z, tx, ty, tz = numbers(words[1:8], where)
        world_to_camera = pose.matrices(quaternion([w, x, y, z], where), [tx, ty, tz])
        found.append(_Image(pose.inverse(world_to_camera), words[8], words[9], where))
        bounded_count(len(found))
        points_follow = True
    if not found:
        raise refuse("The camera file holds no picture.")
    return found


def _image_lines(data: bytes) -> list[tuple[int, str]]:
    """The lines after the comments. An empty line is one without points, so it counts."""
    return [(n, line.strip()) for n, line in enumerate(text_of(data).splitlines(), 1) if not line.startswith("#")]


def _cameras(data: bytes) -> dict[str, _Lens]:
    found = {}
    for number, line in lines_of(data):
        words = line.split()
        if not words:
            continue
        where = f"Line {number} of {BESIDE}"
        if len(words) < 5 or words[1] not in _MODELS:
            raise refuse(f"{where} has no camera model that Gimbal reads.", f"It reads {', '.join(_MODELS)}.")
        values = numbers(words[2:], where)
        if len(values) != 2 + _MODELS[words[1]] or min(values[:3]) < 1.0 or max(values[:2]) > 100_000:
            raise refuse(f"{where} does not fit its model {words[1]}.")
        found[words[0]] = _lens(words[1], values, where)
        bounded_count(len(found))
    return found


def _lens(model: str, values: list[float], where: str) -> _Lens:
    width, height, *rest = values
    focal = [rest[0], rest[0], *rest[1:]] if model in _ONE_FOCAL else rest
    notes = []
    if abs(focal[2] - width / 2) > 0.5 or abs(focal[3] - height / 2) > 0.5:
        notes.append("Its principal point is not in the middle of the picture; that is left out.")
    if abs(focal[0] - focal[1]) > 1e-3 * focal[1]:
        notes.append("Its pixels are not square; the vertical focal length is taken.")
    if any(focal[4:]):
        notes.append("Its lens distorts; that is left out.")
    return _Lens(
        lens(float(pose.focal_mm_from_pixels(focal[1], height)), where), (int(width), int(height)), tuple(notes)
    )


def _natural(name: str) -> list[tuple[int, int | str]]:
    """A key by which frame_2 comes before frame_10."""
    return [(0, int(part)) if part.isdecimal() else (1, part) for part in re.split(r"(\d{1,18})", name) if part]


def encode(source: Source) -> Encoded:
    focal, notes = focals(source)
    width, height = source.track.size or source.size
    ids: dict[float, int] = {}
    images = ["# IMAGE_ID, QW, QX, QY, QZ, TX, TY, TZ, CAMERA_ID, NAME"]
    world_to_camera = pose.inverse(source.track.camera_to_world)
    rotations = pose.quaternion_from_rotation(world_to_camera[:, :3, :3])
    for number, (turn, matrix, mm) in enumerate(zip(rotations, world_to_camera, focal, strict=True), 1):
        camera = ids.setdefault(float(mm), len(ids) + 1)
        row = " ".join(f"{value:.12f}" for value in (*turn, *matrix[:3, 3]))
        images += [f"{number} {row} {camera} frame_{number:05d}.png", ""]
    cameras = ["# CAMERA_ID, MODEL, WIDTH, HEIGHT, PARAMS[]"]
    for mm, camera in ids.items():
        pixels = float(pose.focal_pixels(mm, height))
        cameras.append(f"{camera} PINHOLE {width} {height} {pixels:.12f} {pixels:.12f} {width / 2} {height / 2}")
    files = {BESIDE: ("\n".join(cameras) + "\n").encode()}
    timed = () if source.track.seconds is None else ("COLMAP holds no times.",)
    return Encoded(
        data=("\n".join(images) + "\n").encode(), beside=files, notes=(*notes, *timed, *not_held(source, TITLE))
    )
