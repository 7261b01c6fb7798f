"""A rig: the few quantities by which every preset moves a camera, and the key that follows from them.

All quantities add up (ratios as logarithms), so two moves at once are the sum of both, in any order.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace

import numpy as np

from pipelines.domain.camera import pose
from pipelines.domain.camera.path import DEFAULT_FOCAL_MM, CameraKey, Vector
from pipelines.domain.camera.pose import Floats
from pipelines.domain.errors import InvalidRequest, Problem

_NEAREST = 0.05
_STEEPEST_DEGREES = 89.0
_UPRIGHT_DEGREES = 75.0
"""Up to here a key names a point to look at; nearer to the vertical, where upright says little, a free rotation."""


@dataclass(frozen=True, kw_only=True)
class Start:
    """Where a move begins: frame 0. By default 4 m before the origin, 1.2 m above the ground, as in the toy world."""

    position: Vector = (0.0, -1.2, -4.0)
    target: Vector = (0.0, -0.7, 0.0)
    focal_mm: float = DEFAULT_FOCAL_MM
    roll_degrees: float = 0.0


START = Start()


@dataclass(frozen=True, kw_only=True)
class Rig:
    """How far a camera has moved from its start.

    Degrees: orbit (to its right round the target), arc (up over the target), pan (right), tilt (up), roll (clockwise),
    yaw and pitch (shaking). Metres: dolly (towards the target), truck (right), pedestal (up), travel (ahead over the
    ground), all without turning; crane (up, still looking at the target); sway_x, sway_y, sway_z (in camera axes).
    Logarithms: closer (of first to present distance), zoom (of present to first focal length).
    """

    orbit: float = 0.0
    arc: float = 0.0
    pan: float = 0.0
    tilt: float = 0.0
    roll: float = 0.0
    yaw: float = 0.0
    pitch: float = 0.0
    dolly: float = 0.0
    truck: float = 0.0
    pedestal: float = 0.0
    travel: float = 0.0
    crane: float = 0.0
    sway_x: float = 0.0
    sway_y: float = 0.0
    sway_z: float = 0.0
    closer: float = 0.0
    zoom: float = 0.0

    def plus(self, other: Rig) -> Rig:
        """Both moves at once."""
        return Rig(**{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)})


def key_at(start: Start, rig: Rig, time: float) -> CameraKey:
    """Where the camera is after such a move. Raises InvalidRequest where it would run into what it looks at."""
    around = _around(start, rig)
    axes = pose.look_at(around, np.array(start.target))
    flat = np.cross(axes[:, 0], [0.0, 1.0, 0.0])  # straight ahead over the ground
    shift = rig.truck * axes[:, 0] + rig.travel * flat + np.array([0.0, -rig.pedestal, 0.0])
    position = around + shift + axes @ np.array([rig.sway_x, rig.sway_y, rig.sway_z])
    focal = start.focal_mm * math.exp(rig.zoom)
    roll = start.roll_degrees + rig.roll
    key = CameraKey(time=time, position=_vector(position), roll_degrees=roll, focal_mm=focal)
    yaw, pitch = rig.pan + rig.yaw, rig.tilt + rig.pitch
    if yaw == 0.0 and pitch == 0.0:
        return replace(key, target=_vector(np.array(start.target) + shift))
    base_yaw = math.degrees(math.atan2(-axes[2, 0], axes[0, 0]))
    base_pitch = math.degrees(math.asin(max(-1.0, min(1.0, -axes[1, 2]))))
    turned = pose.turned(yaw=base_yaw + yaw, pitch=base_pitch + pitch)
    if abs(base_pitch + pitch) < _UPRIGHT_DEGREES:
        distance = float(np.linalg.norm(np.array(start.target) - around))
        return replace(key, target=_vector(position + distance * turned[:, 2]))
    w, x, y, z = (float(part) for part in pose.quaternion_from_rotation(turned))
    return replace(key, quaternion=(w, x, y, z))


def _around(start: Start, rig: Rig) -> Floats:
    """The place (3,) on the circle, arc and line about the target, crane included."""
    offset = np.array(start.position) - np.array(start.target)
    first = float(np.linalg.norm(offset))
    distance = first * math.exp(-rig.closer) - rig.dolly
    if distance < _NEAREST * first or first < 1e-6:
        message = f"The camera starts {first:.2g} m from what it looks at; this move would run into it."
        raise InvalidRequest((Problem(field="camera", message=message, hint="Move less, or start farther away."),))
    azimuth = math.atan2(offset[0], -offset[2]) + math.radians(rig.orbit)
    elevation = math.degrees(math.asin(max(-1.0, min(1.0, -offset[1] / first)))) + rig.arc
    steep = max(-_STEEPEST_DEGREES, min(_STEEPEST_DEGREES, elevation)) if rig.arc else elevation
    up, out = math.sin(math.radians(steep)), math.cos(math.radians(steep))
    ray = np.array([out * math.sin(azimuth), -up, -out * math.cos(azimuth)])
    return np.asarray(np.array(start.target) + distance * ray + np.array([0.0, -rig.crane, 0.0]))


def _vector(values: Floats) -> Vector:
    x, y, z = (float(value) for value in values)
    return x, y, z
