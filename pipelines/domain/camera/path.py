"""CameraPath: a camera move as a few keys over time, and how it is read between them.

Time runs from 0 (first frame) to 1 (last frame; of a loop: the first frame again). The speed curve turns time into
progress, and the keys are met when progress reaches their `time`. Between two keys each with a target the camera looks
at the target as it moves from one to the other; otherwise it turns from rotation to rotation. `curve.py` says how the
curves run, `pose.py` which axes and units these are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from pipelines.domain.camera import curve, pose
from pipelines.domain.camera.pose import Floats

Vector = tuple[float, float, float]
Quaternion = tuple[float, float, float, float]
Easing = Literal["constant", "eased", "speeding up", "slowing down"]

EASINGS: Mapping[Easing, Callable[[Floats], Floats]] = MappingProxyType(
    {
        "constant": lambda u: u,
        "eased": lambda u: u * u * (3.0 - 2.0 * u),
        "speeding up": lambda u: u * u,
        "slowing down": lambda u: 1.0 - (1.0 - u) * (1.0 - u),
    }
)
"""How a segment's progress 0..1 is bent."""

_BACKWARDS: Mapping[Easing, Easing] = MappingProxyType(
    {"constant": "constant", "eased": "eased", "speeding up": "slowing down", "slowing down": "speeding up"}
)
DEFAULT_FOCAL_MM = 28.0
FOCAL_MM = (2.0, 2000.0)


@dataclass(frozen=True, kw_only=True)
class CameraKey:
    """Where the camera is at one moment.

    time: 0..1. position: metres. Either `target`, the point it looks at upright, or `quaternion` (w, x, y, z), camera
    to world; neither means it looks along z. roll_degrees: turned clockwise on top of either. focal_mm: of a 24 mm
    high picture. easing: of the segment that begins here. tension: 0 passes smoothly, 1 stops here.
    """

    time: float
    position: Vector
    target: Vector | None = None
    quaternion: Quaternion | None = None
    roll_degrees: float = 0.0
    focal_mm: float = DEFAULT_FOCAL_MM
    easing: Easing = "constant"
    tension: float = 0.0

    def __post_init__(self) -> None:
        for name in ("time", "roll_degrees", "focal_mm", "tension"):  # 1 and 1.0 have one text
            object.__setattr__(self, name, float(getattr(self, name)))
        for name in ("position", "target", "quaternion"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, tuple(float(part) for part in getattr(self, name)))


@dataclass(frozen=True, kw_only=True)
class CameraPath:
    """A camera move.

    keys: in order of time. speed: points (time, progress) of the one speed curve, from (0, 0) to (1, 1), never falling.
    loop: after the last key the camera goes on to the first, which it reaches at time 1.
    `problems` (in `pipelines.domain.camera.problems`) says what is wrong with a path; reading poses needs a sound one.
    """

    keys: tuple[CameraKey, ...]
    speed: tuple[tuple[float, float], ...] = ((0.0, 0.0), (1.0, 1.0))
    loop: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "keys", tuple(self.keys))
        object.__setattr__(self, "speed", tuple((float(time), float(progress)) for time, progress in self.speed))

    def sample(self, num_frames: int) -> tuple[Floats, Floats]:
        """Camera-to-world (n, 4, 4) and focal lengths in mm (n,) of every frame.

        Raises InvalidRequest with all of its problems where the path is not sound.
        """
        return self.at(frame_times(num_frames, self.loop))

    def at(self, times: ArrayLike) -> tuple[Floats, Floats]:
        """The same at any times (n,) in 0..1."""
        from pipelines.domain.camera.problems import require_sound

        require_sound(self)
        return _poses(self, self.progress(times))

    def progress(self, times: ArrayLike) -> Floats:
        """The speed curve at times (n,): progress (n,), never falling, 0..1."""
        points = np.array(self.speed)
        spans = curve.locate(points[:, 0], np.asarray(times, np.float64), closed=False)
        smooth = curve.through(points[:, 1:], points[:, 0], np.zeros(len(points)), spans, closed=False)
        return np.clip(smooth[:, 0], 0.0, 1.0)

    def reversed(self) -> CameraPath:
        """The same way back: what was at time t is at time 1 - t."""
        keys = self.keys[::-1]
        easings = [key.easing for key in (*keys[1:], keys[0])] if keys else []
        back = [
            replace(key, time=_back(key.time, self.loop), easing=_BACKWARDS[easing])
            for key, easing in zip(keys, easings, strict=True)
        ]
        speed = tuple((1.0 - time, 1.0 - progress) for time, progress in self.speed[::-1])
        return CameraPath(keys=tuple(sorted(back, key=lambda key: key.time)), speed=speed, loop=self.loop)


def frame_times(num_frames: int, loop: bool) -> Floats:
    """When the frames of a clip are (n,): the last one at time 1, of a loop one frame before it."""
    return np.linspace(0.0, 1.0, num_frames, endpoint=not loop)


def _back(time: float, loop: bool) -> float:
    return (1.0 - time) % 1.0 if loop else 1.0 - time


def _poses(path: CameraPath, progress: Floats) -> tuple[Floats, Floats]:
    keys = path.keys
    times, tension = np.array([key.time for key in keys]), np.array([key.tension for key in keys])
    spans = curve.locate(times, progress, path.loop)
    amount = spans.amount.copy()
    for name, ease in EASINGS.items():
        mine = np.array([key.easing == name for key in keys])[spans.start]
        amount[mine] = ease(amount[mine])
    spans = replace(spans, amount=amount)
    lens = np.array([[key.roll_degrees, np.log(key.focal_mm)] for key in keys])
    positions = curve.through(np.array([key.position for key in keys]), times, tension, spans, path.loop)
    targets = curve.through(_targets(keys), times, tension, spans, path.loop)
    roll = curve.through(lens[:, :1], times, tension, spans, path.loop)[:, 0]
    focal = np.exp(curve.through(lens[:, 1:], times, tension, spans, path.loop)[:, 0]).clip(*FOCAL_MM)  # it overshoots
    rotations = pose.rotation_from_quaternion(
        curve.through_rotations(_key_quaternions(keys), times, tension, spans, path.loop)
    )
    has_target = np.array([key.target is not None for key in keys])
    aimed = has_target[spans.start] & has_target[spans.end]
    rotations[aimed] = pose.look_at(positions[aimed], targets[aimed], roll[aimed])
    return pose.matrices(rotations, positions), focal


def _key_quaternions(keys: tuple[CameraKey, ...]) -> Floats:
    """The rotation of every key as a quaternion (k, 4), roll included."""
    free = np.array([key.quaternion or (1.0, 0.0, 0.0, 0.0) for key in keys])
    positions = np.array([key.position for key in keys])
    targets = _targets(keys)
    roll = np.array([key.roll_degrees for key in keys])
    aimed = np.array([key.target is not None for key in keys])[:, None, None]
    free_rotations = pose.rotation_from_quaternion(free) @ pose.turned(roll=roll)
    return pose.quaternion_from_rotation(np.where(aimed, pose.look_at(positions, targets, roll), free_rotations))


def _targets(keys: tuple[CameraKey, ...]) -> Floats:
    """The targets (k, 3); a key without one counts with that of the last key before it, or else the first after it."""
    known = [key.target for key in keys if key.target is not None]
    last = known[0] if known else (0.0, 0.0, 0.0)
    targets = []
    for key in keys:
        last = last if key.target is None else key.target
        targets.append(last)
    return np.array(targets)
