"""Named camera moves of the toy world, as exact poses over a clip.

Conventions (the only place they are written): axes x right, y down, z forward; yaw > 0 turns the view to the right,
pitch > 0 turns it up, roll > 0 turns the camera clockwise (the picture turns counter-clockwise). Directions are the
camera operator's own: "pan left" turns the camera to its left, so the picture's content moves right; "truck left"
moves the camera to its left without turning; "orbit left" moves it to its left on a circle round the aim point while
it keeps looking at it; "crane up" rises and keeps looking at the aim point, "pedestal up" rises without turning;
"dolly in" travels along the line to the aim point, "zoom in" only lengthens the lens, "dolly zoom in" travels in
while the lens widens so that the aim point keeps its size.

Every move is centred: halfway through the clip the camera is in the base pose of its `CameraMove`. `amount` is the
whole change from first to last frame: radians for pan, tilt, roll and orbit; metres for truck, pedestal, crane,
handheld and spline (spread of the path); the ratio of last to first distance or focal length for dolly and zoom (> 1).
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from pipelines.toybox.scene import CameraMove

FloatArray = npt.NDArray[np.float64]

EASINGS: Mapping[str, Callable[[float], float]] = MappingProxyType({
    "constant": lambda u: u,
    "eased": lambda u: u * u * (3.0 - 2.0 * u),
    "speeding up": lambda u: u * u,
    "slowing down": lambda u: 1.0 - (1.0 - u) * (1.0 - u),
})


@dataclass(frozen=True)
class Stand:
    """One camera pose in plain numbers: position in metres, angles in radians, lens in millimetres."""

    position: tuple[float, float, float]
    yaw: float
    pitch: float
    roll: float
    focal_mm: float


def camera_path(camera: CameraMove, num_frames: int) -> tuple[FloatArray, FloatArray]:
    """Camera-to-world matrices (T, 4, 4) and focal lengths in millimetres (T,) of a move."""
    ease = EASINGS[camera.easing]
    progress = [index / (num_frames - 1) if num_frames > 1 else 0.5 for index in range(num_frames)]
    stands = [MOVES[camera.kind](camera, ease(u) - 0.5) for u in progress]
    return np.stack([matrix(stand) for stand in stands]), np.array([stand.focal_mm for stand in stands])


def matrix(stand: Stand) -> FloatArray:
    """The camera-to-world matrix (4, 4) of a stand."""
    sin_y, cos_y = math.sin(stand.yaw), math.cos(stand.yaw)
    sin_p, cos_p = math.sin(stand.pitch), math.cos(stand.pitch)
    sin_r, cos_r = math.sin(stand.roll), math.cos(stand.roll)
    right = np.array([cos_y, 0.0, -sin_y])
    down = np.array([sin_p * sin_y, cos_p, sin_p * cos_y])
    forward = np.array([cos_p * sin_y, -sin_p, cos_p * cos_y])
    result = np.eye(4)
    result[:3, 0] = cos_r * right + sin_r * down
    result[:3, 1] = cos_r * down - sin_r * right
    result[:3, 2] = forward
    result[:3, 3] = stand.position
    return result


def _looking(camera: CameraMove, position: FloatArray) -> Stand:
    to_aim = np.asarray(camera.aim) - position
    yaw = math.atan2(to_aim[0], to_aim[2])
    pitch = math.atan2(-to_aim[1], math.hypot(to_aim[0], to_aim[2]))
    return Stand((float(position[0]), float(position[1]), float(position[2])), yaw, pitch, 0.0, camera.focal_mm)


def _around(camera: CameraMove, azimuth: float, height: float) -> Stand:
    x, _, z = camera.aim
    offset = np.array([math.sin(azimuth), 0.0, -math.cos(azimuth)]) * camera.distance
    return _looking(camera, np.array([x, -height, z]) + offset)


def base_stand(camera: CameraMove) -> Stand:
    """The pose halfway through every move."""
    return _around(camera, camera.azimuth_radians, camera.height)


def _static(camera: CameraMove, _s: float) -> Stand:
    return base_stand(camera)


def _turn(yaw: float = 0.0, pitch: float = 0.0, roll: float = 0.0) -> Callable[[CameraMove, float], Stand]:
    """Turn on the spot; the arguments are the signs of the angles."""

    def move(camera: CameraMove, s: float) -> Stand:
        base, angle = base_stand(camera), camera.amount * s
        return replace(base, yaw=base.yaw + yaw * angle, pitch=base.pitch + pitch * angle, roll=roll * angle)

    return move


def _truck(sign: float) -> Callable[[CameraMove, float], Stand]:
    def move(camera: CameraMove, s: float) -> Stand:
        base = base_stand(camera)
        step = sign * camera.amount * s
        x, y, z = base.position
        return replace(base, position=(x + step * math.cos(base.yaw), y, z - step * math.sin(base.yaw)))

    return move


def _pedestal(sign: float) -> Callable[[CameraMove, float], Stand]:
    def move(camera: CameraMove, s: float) -> Stand:
        base = base_stand(camera)
        x, y, z = base.position
        return replace(base, position=(x, y - sign * camera.amount * s, z))

    return move


def _crane(sign: float) -> Callable[[CameraMove, float], Stand]:
    return lambda camera, s: _around(camera, camera.azimuth_radians, camera.height + sign * camera.amount * s)


def _orbit(sign: float) -> Callable[[CameraMove, float], Stand]:
    return lambda camera, s: _around(camera, camera.azimuth_radians + sign * camera.amount * s, camera.height)


def _dolly(sign: float, lens: float) -> Callable[[CameraMove, float], Stand]:
    """Travel by amount ** (sign * s); `lens` is the power of that ratio by which the focal length follows."""

    def move(camera: CameraMove, s: float) -> Stand:
        base = base_stand(camera)
        ratio = camera.amount ** (-sign * s)
        aim = np.asarray(camera.aim)
        position = aim + (np.asarray(base.position) - aim) * ratio
        return replace(base, position=tuple(position.tolist()), focal_mm=base.focal_mm * ratio**lens)

    return move


def _zoom(sign: float) -> Callable[[CameraMove, float], Stand]:
    return lambda camera, s: replace(base_stand(camera), focal_mm=camera.focal_mm * camera.amount ** (sign * s))


def _handheld(camera: CameraMove, s: float) -> Stand:
    rng = np.random.default_rng(camera.seed)
    phases = rng.uniform(0.0, 2.0 * math.pi, size=(6, 2))
    waves = [math.sin(7.0 * s + a) + 0.5 * math.sin(15.0 * s + b) for a, b in phases]
    base = base_stand(camera)
    moved = np.asarray(base.position) + 0.5 * camera.amount * np.array(waves[:3])
    angle = 0.12 * camera.amount
    return Stand(tuple(moved.tolist()), base.yaw + angle * waves[3], base.pitch + angle * waves[4],
                 0.6 * angle * waves[5], base.focal_mm)


def _spline(camera: CameraMove, s: float) -> Stand:
    rng = np.random.default_rng(camera.seed)
    keys = rng.uniform(-0.5, 0.5, size=(6, 3)) * np.array([2.0, 0.6, 1.2]) * camera.amount
    position = np.asarray(base_stand(camera).position) + catmull_rom(keys, s + 0.5)
    position[1] = min(position[1], -0.35)
    return _looking(camera, position)


def catmull_rom(keys: FloatArray, u: float) -> FloatArray:
    """The uniform Catmull-Rom curve through keys[1:-1] at u in 0..1. Shape (3,)."""
    spans = len(keys) - 3
    index = min(int(u * spans), spans - 1)
    t = u * spans - index
    a, b, c, d = keys[index : index + 4]
    curve = 2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t * t + (3 * b - a - 3 * c + d) * t**3
    return np.asarray(0.5 * curve)


MOVES: Mapping[str, Callable[[CameraMove, float], Stand]] = MappingProxyType({
    "static": _static,
    "pan left": _turn(yaw=-1.0),
    "pan right": _turn(yaw=1.0),
    "tilt up": _turn(pitch=1.0),
    "tilt down": _turn(pitch=-1.0),
    "roll left": _turn(roll=-1.0),
    "roll right": _turn(roll=1.0),
    "truck left": _truck(-1.0),
    "truck right": _truck(1.0),
    "pedestal up": _pedestal(1.0),
    "pedestal down": _pedestal(-1.0),
    "dolly in": _dolly(1.0, 0.0),
    "dolly out": _dolly(-1.0, 0.0),
    "zoom in": _zoom(1.0),
    "zoom out": _zoom(-1.0),
    "dolly zoom in": _dolly(1.0, 1.0),
    "dolly zoom out": _dolly(-1.0, 1.0),
    "orbit left": _orbit(-1.0),
    "orbit right": _orbit(1.0),
    "crane up": _crane(1.0),
    "crane down": _crane(-1.0),
    "handheld": _handheld,
    "spline": _spline,
})
"""Every move by name: (camera, eased progress in -1/2..1/2) -> where the camera stands."""
