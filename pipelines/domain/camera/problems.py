"""What is wrong with a camera path, all of it at once, in words for the person who drew it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.domain.camera.path import EASINGS, FOCAL_MM, CameraKey, CameraPath, Vector
from pipelines.domain.camera.pose import Floats
from pipelines.domain.errors import InvalidRequest, Problem

MAX_KEYS = 1000
MAX_SPEED_POINTS = 100
MAX_METRES = 100_000.0
MAX_ROLL_DEGREES = 36_000.0
SHORTEST = 1e-6
"""The least time between two keys or two points of the speed curve."""
_CHECKED_FRAMES = 129
_TOLD = 20


@dataclass(frozen=True, kw_only=True)
class Obstacle:
    """A thing that a camera must not be in: a box, or if `round` an ellipsoid, of half sizes `radii` in metres."""

    name: str
    centre: Vector
    radii: Vector
    round: bool = False

    def holds(self, points: Floats) -> NDArray[np.bool_]:
        """Which points (n, 3) lie inside: bool (n,)."""
        offset = (points - np.array(self.centre)) / np.array(self.radii)
        inside = np.linalg.norm(offset, axis=1) < 1.0 if self.round else np.abs(offset).max(axis=1) < 1.0
        return np.asarray(inside)


def problems(path: CameraPath, obstacles: Sequence[Obstacle] = ()) -> tuple[Problem, ...]:
    """Everything that is wrong with a path; empty when it can be played. `obstacles` must not be driven through."""
    found = [*_count(path), *_keys(path), *_order(path), *_speed(path)]
    if not found:
        found = list(_inside(path, obstacles))
    if len(found) > _TOLD:
        found = [*found[:_TOLD], _problem(f"And {len(found) - _TOLD} more problems of this kind.", "")]
    return tuple(found)


def require_sound(path: CameraPath) -> None:
    """Raises InvalidRequest with every problem of a path that cannot be played."""
    found = problems(path)
    if found:
        raise InvalidRequest(found)


def _problem(message: str, hint: str) -> Problem:
    return Problem(field="camera", message=message, hint=hint)


def _count(path: CameraPath) -> Iterator[Problem]:
    count = len(path.keys)
    if count < 2:
        many = "no key" if count == 0 else "one key"
        yield _problem(f"The camera path has {many}; a move needs two.", "Add a key, or use the move static.")
    if count > MAX_KEYS:
        message = f"The camera path has {count:,} keys; {MAX_KEYS:,} are the most."
        yield _problem(message, "Simplify it.")


def _keys(path: CameraPath) -> Iterator[Problem]:
    for number, key in enumerate(path.keys[:MAX_KEYS], 1):
        for message, hint in _key(key):
            yield _problem(f"Key {number} of the camera path {message}", hint)


def _key(key: CameraKey) -> Iterator[tuple[str, str]]:
    numbers = [key.time, key.roll_degrees, key.focal_mm, key.tension, *key.position, *(key.target or ())]
    if not all(map(math.isfinite, [*numbers, *(key.quaternion or ())])):
        yield "holds something that is no number.", "Delete it and set it again."
        return
    if not 0.0 <= key.time <= 1.0:
        yield f"is at time {key.time:g}, outside 0 to 1.", "Move it into the clip."
    if max(map(abs, (*key.position, *(key.target or ())))) > MAX_METRES:
        yield f"is farther than {MAX_METRES:,.0f} m away.", "Bring it closer, or scale the path."
    if key.target is not None and key.quaternion is not None:
        yield "has both a point to look at and a free rotation.", "Keep one of them."
    if key.target is not None and math.dist(key.target, key.position) < 1e-6:
        yield "stands in the very point it looks at.", "Move the key or its target."
    if key.quaternion is not None and not 0.5 < math.hypot(*key.quaternion) < 2.0:
        yield "has a rotation that is none.", "Its quaternion has length 1."
    if not FOCAL_MM[0] <= key.focal_mm <= FOCAL_MM[1]:
        yield f"has a lens of {key.focal_mm:g} mm, outside {FOCAL_MM[0]:g} to {FOCAL_MM[1]:g}.", "28 mm is usual."
    if abs(key.roll_degrees) > MAX_ROLL_DEGREES:
        yield f"rolls by {key.roll_degrees:g} degrees.", f"{MAX_ROLL_DEGREES:g} are the most."
    if not 0.0 <= key.tension <= 1.0:
        yield f"has the tension {key.tension:g}, outside 0 to 1.", "0 passes smoothly, 1 stops."
    if key.easing not in EASINGS:
        yield f"has the unknown easing {str(key.easing)[:40]!r}.", f"Known are {', '.join(EASINGS)}."


def _order(path: CameraPath) -> Iterator[Problem]:
    times = [key.time for key in path.keys[:MAX_KEYS]]
    for number, (time, following) in enumerate(zip(times, times[1:], strict=False), 1):
        if abs(following - time) < SHORTEST:
            message = f"Keys {number} and {number + 1} of the camera path are at the same time, {time:g}."
            yield _problem(message, "Move one of them, or delete it.")
        elif following < time:
            message = f"Key {number + 1} of the camera path comes before key {number}."
            yield _problem(message, "Keys stand in the order of their times.")
    if path.loop and len(times) > 1 and times[0] + 1.0 - times[-1] < SHORTEST:
        message = "The last key of the camera loop leaves no time to come back to the first."
        yield _problem(message, "Move it earlier, or delete it if it stands where the first does.")


def _speed(path: CameraPath) -> Iterator[Problem]:
    points = path.speed
    if not 2 <= len(points) <= MAX_SPEED_POINTS:
        yield _problem(f"The speed curve has {len(points):,} points.", f"It needs 2 to {MAX_SPEED_POINTS}.")
        return
    if not all(math.isfinite(value) for point in points for value in point):
        yield _problem("The speed curve holds something that is no number.", "Set it back.")
        return
    if points[0] != (0.0, 0.0) or points[-1] != (1.0, 1.0):
        yield _problem("The speed curve does not lead from (0, 0) to (1, 1).", "Its ends stay where they are.")
    if any(after[0] - before[0] < SHORTEST for before, after in zip(points, points[1:], strict=False)):
        yield _problem("Two points of the speed curve are at the same time, or out of order.", "Move one of them.")
    if any(after[1] < before[1] for before, after in zip(points, points[1:], strict=False)):
        yield _problem("The speed curve falls, and time would run back.", "Let it rise, or reverse the path.")


def _inside(path: CameraPath, obstacles: Sequence[Obstacle]) -> Iterator[Problem]:
    if not obstacles:
        return
    poses, _ = path.at(np.linspace(0.0, 1.0, _CHECKED_FRAMES))
    for obstacle in obstacles:
        inside = np.flatnonzero(obstacle.holds(poses[:, :3, 3]))
        if len(inside):
            part = f"{100 * inside[0] / (_CHECKED_FRAMES - 1):.0f} % of the way"
            message = f"The camera runs into the {obstacle.name} after {part}."
            yield _problem(message, "Keep more distance, or move the thing.")
