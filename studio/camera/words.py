"""A camera path in a few words of film language, for models that take nothing else."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from pipelines.domain.camera import pose
from pipelines.domain.camera.path import CameraPath
from pipelines.domain.camera.pose import Floats

_LEAST_DEGREES = 4.0
_LEAST_METRES = 0.12
_LEAST_RATIO = 1.08
_MOST = 2
_SAMPLES = 17


def words_for(path: CameraPath) -> str:
    """The main moves of a path, such as "the camera orbits left". Raises InvalidRequest where it is not sound."""
    poses, focal = path.sample(_SAMPLES)
    verbs = [verb for _, verb in sorted(_moves(poses, focal, path), reverse=True)][:_MOST]
    return f"the camera {' and '.join(verbs)}" if verbs else "static camera"


def _moves(poses: Floats, focal: Floats, path: CameraPath) -> Iterator[tuple[float, str]]:
    """(how much of it there is, verb) for each move in a path; 1 is about what a viewer takes for a whole move."""
    far = _farthest(poses)
    start, end = poses[0], poses[far]
    side, rise, ahead = _step(start, end)
    yaw, pitch = _turn(start, end)
    zoom = float(focal[-1] / focal[0])
    if max(zoom, 1 / zoom) >= _LEAST_RATIO:
        yield abs(math.log(zoom)) / math.log(1.5), f"zooms {'in' if zoom > 1 else 'out'}"
    around = _orbit(poses, path)
    if abs(around) >= 2 * _LEAST_DEGREES:
        yield abs(around) / 30.0, f"orbits {'right' if around > 0 else 'left'}"
    else:
        if abs(yaw) >= _LEAST_DEGREES:
            yield abs(yaw) / 30.0, f"pans {'right' if yaw > 0 else 'left'}"
        if abs(side) >= _LEAST_METRES:
            yield abs(side), f"trucks {'right' if side > 0 else 'left'}"
        if abs(ahead) >= _LEAST_METRES:
            yield abs(ahead), "pushes in" if ahead > 0 else "pulls out"
    if abs(rise) >= _LEAST_METRES:
        yield abs(rise), f"cranes {'up' if rise > 0 else 'down'}"
    elif abs(pitch) >= _LEAST_DEGREES:
        yield abs(pitch) / 20.0, f"tilts {'up' if pitch > 0 else 'down'}"


def _farthest(poses: Floats) -> int:
    """The frame where the camera is farthest from its start, the last one where it only turns."""
    away = np.linalg.norm(poses[:, :3, 3] - poses[0, :3, 3], axis=1)
    return int(away.argmax()) if away.max() > _LEAST_METRES else len(poses) - 1


def _step(start: Floats, end: Floats) -> tuple[float, float, float]:
    """Metres to the right, up beside the line of sight, and ahead over the ground; round a circle only up counts."""
    right, sight = start[:3, 0], start[:3, 2]
    way = end[:3, 3] - start[:3, 3]
    level = np.array([sight[0], 0.0, sight[2]])
    flat = float(np.linalg.norm(level))
    ahead = float(way @ level) / flat if flat > 1e-6 else 0.0
    turned = pose.angles_degrees(start[:3, :3], end[:3, :3]) > 2 * _LEAST_DEGREES
    along = 0.0 if turned else -ahead * float(sight[1]) / max(flat, 1e-6)
    return float(way @ right), float(-way[1]) - along, ahead


def _turn(start: Floats, end: Floats) -> tuple[float, float]:
    """Degrees by which the line of sight turns to the right, and up."""
    (azimuth, height), (before, below) = _sight(end), _sight(start)
    return (azimuth - before + 180.0) % 360.0 - 180.0, height - below


def _sight(matrix: Floats) -> tuple[float, float]:
    x, y, z = (float(part) for part in matrix[:3, 2])
    return math.degrees(math.atan2(x, z)), math.degrees(math.asin(max(-1.0, min(1.0, -y))))


def _orbit(poses: Floats, path: CameraPath) -> float:
    """Degrees to its right by which a camera goes round a target that stays; 0 where there is none such."""
    targets = [key.target for key in path.keys]
    if any(target is None for target in targets):
        return 0.0
    points = np.array(targets)
    if np.ptp(points, axis=0).max() > _LEAST_METRES:
        return 0.0
    offset = poses[:, :3, 3] - points[0]
    angles = np.unwrap(np.arctan2(offset[:, 0], -offset[:, 2]))
    turned = float(np.degrees(angles[-1] - angles[0]))
    return turned if pose.angles_degrees(poses[0, :3, :3], poses[-1, :3, :3]) >= _LEAST_DEGREES or path.loop else 0.0
