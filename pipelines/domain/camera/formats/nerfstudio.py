"""nerfstudio's camera_path.json: camera to world with OpenGL cameras (x right, y up, looking along -z) in a world whose
z points up; `fov` in degrees from lower to upper edge.

Our world is that one seen with y down and z forward: (x, y, z) of nerfstudio is (x, -z, y) here, and a camera's y and z
axes change sign.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from pipelines.domain.camera import pose
from pipelines.domain.camera.formats.files import (
    CameraFile,
    Encoded,
    Source,
    bounded_count,
    focals,
    lens,
    listed,
    not_held,
    refuse,
    rotation,
    text_of,
    track_from,
)
from pipelines.domain.camera.pose import Floats

NAME = "nerfstudio"
TITLE = "nerfstudio camera_path.json"
SUFFIXES = ("camera_path.json", ".nerfstudio.json")
_WORLD = np.array([[1.0, 0, 0, 0], [0, 0, -1, 0], [0, 1, 0, 0], [0, 0, 0, 1]])
"""From nerfstudio's world to ours; its inverse is its transpose."""
_CAMERA = np.diag([1.0, -1.0, -1.0, 1.0])


def looks_like(head: str, name: str) -> bool:
    return head.lstrip().startswith("{") and ('"camera_path"' in head or '"camera_to_world"' in head)


def decode(data: bytes, beside: bytes | None) -> CameraFile:
    try:
        raw = json.loads(text_of(data))
    except (ValueError, RecursionError) as error:
        raise refuse(f"The camera file is not readable JSON ({error}).") from None
    frames = raw.get("camera_path") if isinstance(raw, dict) else None
    if not isinstance(frames, list):
        raise refuse("The camera file has no list “camera_path”.")
    bounded_count(len(frames))
    kind = raw.get("camera_type", "perspective")
    if kind != "perspective":
        raise refuse(f"Its cameras are of type {str(kind)[:40]!r}; Gimbal reads perspective ones.")
    poses, focal = [], []
    for number, frame in enumerate(frames, 1):
        where = f"Frame {number} of the camera file"
        if not isinstance(frame, dict):
            raise refuse(f"{where} is no JSON object.")
        poses.append(_pose(frame.get("camera_to_world"), where))
        focal.append(_focal(frame.get("fov", raw.get("default_fov")), where))
    notes = ["Its positions are in the units of its scene; they are taken as metres."]
    if poses and all(matrix[1, 1] < 0 for matrix in poses):
        notes.append("All of its cameras are upside down: it may have been written with OpenCV axes.")
    fps, size, aspect = _number(raw.get("fps")), _size(raw), frames[0].get("aspect") if frames else None
    track = track_from(
        poses,
        focal_mm=np.array(focal),
        seconds=np.arange(len(poses)) / fps if fps and fps > 0 else None,
        size=size,
        aspect=None if size else _number(aspect),
    )
    return CameraFile(form=NAME, track=track, notes=tuple(notes))


def _pose(raw: Any, where: str) -> Floats:
    values = np.array(listed(raw, 16, f"{where}: its camera_to_world")).reshape(4, 4)
    if not np.allclose(values[3], [0, 0, 0, 1], atol=1e-6):
        raise refuse(f"{where}: the last row of its camera_to_world is not 0 0 0 1; it may be transposed.")
    matrix = pose.matrices(rotation(values[:3, :3], where), values[:3, 3])
    return np.asarray(_WORLD @ matrix @ _CAMERA)


def _focal(raw: Any, where: str) -> float:
    fov = _number(raw)
    if fov is None or not 0.1 < fov < 179.0:
        raise refuse(f"{where} has no fov of 0.1 to 179 degrees.")
    return lens(float(pose.focal_mm_from_fov_y(fov)), where)


def _number(raw: Any) -> float | None:
    right = isinstance(raw, int | float) and not isinstance(raw, bool) and 0 < abs(raw) < 1e6
    return float(raw) if right else None


def _size(raw: dict[str, Any]) -> tuple[int, int] | None:
    width, height = _number(raw.get("render_width")), _number(raw.get("render_height"))
    return (int(width), int(height)) if width and height and min(width, height) >= 1 else None


def encode(source: Source) -> Encoded:
    focal, notes = focals(source)
    track = source.track
    width, height = track.size or source.size
    fps = source.fps
    if track.seconds is not None and len(track) > 1:
        fps = float((len(track) - 1) / (track.seconds[-1] - track.seconds[0]))
    fov = pose.fov_y_degrees(focal)
    matrices = [matrix.ravel().tolist() for matrix in _WORLD.T @ track.camera_to_world @ _CAMERA]
    aspect = width / height
    frames = [
        {"camera_to_world": matrix, "fov": float(angle), "aspect": aspect}
        for matrix, angle in zip(matrices, fov, strict=True)
    ]
    keys = [{"matrix": frame["camera_to_world"], "fov": frame["fov"], "aspect": aspect,
             "override_transition_enabled": False, "override_transition_sec": None} for frame in frames]  # fmt: skip
    content = {
        "camera_type": "perspective", "render_height": height, "render_width": width, "fps": fps,
        "seconds": len(track) / fps, "default_fov": float(fov[0]), "default_transition_sec": 1.0 / fps,
        "is_cycle": bool(source.path and source.path.loop), "smoothness_value": 0.0,
        "keyframes": keys, "camera_path": frames,
    }  # fmt: skip
    return Encoded(data=(json.dumps(content, indent=1) + "\n").encode(), notes=(*notes, *not_held(source, TITLE)))
