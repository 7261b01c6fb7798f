"""From many points to few keys: strokes that a hand drew, and tracks that were measured or read from a file."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipelines.domain.camera import pose
from pipelines.domain.camera.path import DEFAULT_FOCAL_MM, CameraKey, CameraPath, Vector
from pipelines.domain.camera.pose import Floats
from pipelines.domain.camera.problems import MAX_KEYS
from pipelines.domain.camera.track import CameraTrack
from pipelines.domain.errors import InvalidRequest, Problem

_STEP_METRES = 1e-4


def simplify(points: ArrayLike, tolerance: float) -> NDArray[np.intp]:
    """Indices of the points (n, d) to keep so that no other lies farther than `tolerance` from the lines between them
    (Ramer 1972, Douglas and Peucker 1973). The first and the last stay."""
    given = np.asarray(points, np.float64)
    keep = np.zeros(len(given), bool)
    keep[[0, -1]] = True
    spans = [(0, len(given) - 1)]
    while spans:
        first, last = spans.pop()
        if last - first < 2:
            continue
        away = _away(given[first + 1 : last], given[first], given[last])
        worst = int(away.argmax())
        if away[worst] > tolerance:
            middle = first + 1 + worst
            keep[middle] = True
            spans += [(first, middle), (middle, last)]
    return np.flatnonzero(keep)


def _away(points: Floats, start: Floats, end: Floats) -> Floats:
    """Distances (n,) of points (n, d) from the line between two others."""
    line = end - start
    length = float(line @ line)
    along = np.clip((points - start) @ line / length, 0.0, 1.0) if length > 0.0 else np.zeros(len(points))
    return np.asarray(np.linalg.norm(points - start - along[:, None] * line, axis=1))


def path_from_stroke(
    points: ArrayLike,
    *,
    moments: ArrayLike | None = None,
    target: Vector | None = None,
    focal_mm: float = DEFAULT_FOCAL_MM,
    tolerance_metres: float = 0.05,
    max_keys: int = 24,
) -> CameraPath:
    """A path along a drawn stroke of positions (n, 3) in metres, with few keys.

    moments: (n,), when each point was drawn, to keep the hand's rhythm; without them the speed is even. target: what
    the camera looks at; without one it looks where it goes. The tolerance grows until `max_keys` are enough.
    Raises InvalidRequest where the stroke has no length.
    """
    given = np.asarray(points, np.float64)
    if given.ndim != 2 or given.shape[1] != 3 or not np.isfinite(given).all():
        raise _refuse("The stroke is no list of points.")
    steps = np.linalg.norm(np.diff(given, axis=0), axis=1)
    fresh = np.concatenate([[True], steps > _STEP_METRES])
    given = given[fresh]
    if len(given) < 2:
        raise _refuse("The stroke has no length.")
    kept = simplify(given, tolerance_metres)
    while len(kept) > max_keys:
        tolerance_metres *= 1.3
        kept = simplify(given, tolerance_metres)
    times = _times(given, None if moments is None else np.asarray(moments, np.float64)[fresh])
    ahead = _ahead(given, kept)
    keys = [
        CameraKey(
            time=float(times[index]), position=_vector(given[index]), focal_mm=focal_mm,
            target=target or _vector(given[index] + direction),
        )
        for index, direction in zip(kept, ahead, strict=True)
    ]  # fmt: skip
    return CameraPath(keys=tuple(keys))


def _times(points: Floats, moments: Floats | None) -> Floats:
    """Rising times (n,) from 0 to 1: by the hand's moments, else by the length of the way."""
    if moments is None:
        passed = np.linalg.norm(np.diff(points, axis=0), axis=1)
    else:
        passed = np.maximum(np.diff(moments), 0.0)
    passed = passed + 1e-4 * (float(passed.sum()) or 1.0)
    return np.concatenate([[0.0], np.cumsum(passed) / passed.sum()]).clip(0.0, 1.0)


def _ahead(points: Floats, kept: NDArray[np.intp]) -> Floats:
    """Unit vectors (k, 3) along the stroke at the kept points."""
    before, after = points[np.maximum(kept - 2, 0)], points[np.minimum(kept + 2, len(points) - 1)]
    way = after - before
    still = np.linalg.norm(way, axis=1) < _STEP_METRES
    way[still] = points[-1] - points[0] if np.linalg.norm(points[-1] - points[0]) > _STEP_METRES else [0.0, 0.0, 1.0]
    return pose.unit(way)


def exact_path(track: CameraTrack) -> tuple[CameraPath, tuple[str, ...]]:
    """A path with one key per pose, and the sentence where there are more poses than a path has keys."""
    count = len(track)
    if count <= MAX_KEYS:
        return _keyed(track, np.arange(count)), ()
    chosen = np.unique(np.linspace(0, count - 1, MAX_KEYS).round().astype(int))
    return _keyed(track, chosen), (f"Of {count:,} poses {len(chosen):,} became keys, the most that a path has.",)


def path_from_track(
    track: CameraTrack, *, tolerance_metres: float = 0.02, tolerance_degrees: float = 0.5, max_keys: int = 60
) -> CameraPath:
    """A path with few keys that passes every pose of a track within the tolerances, or has `max_keys`.

    Keys are added where the path so far is worst. Lens: within 1 %.
    """
    count = len(track)
    chosen = [0, count - 1] if count > 1 else [0]
    while True:
        path = _keyed(track, np.array(sorted(chosen)))
        if count <= len(chosen) or len(chosen) >= max_keys:
            return path
        wrong = _wrong(path, track, tolerance_metres, tolerance_degrees)
        wrong[chosen] = 0.0
        if wrong.max() <= 1.0:
            return path
        chosen.append(int(wrong.argmax()))


def _wrong(path: CameraPath, track: CameraTrack, metres: float, degrees: float) -> Floats:
    """How many tolerances (n,) the path is off at each pose."""
    poses, focal = path.at(_evenly(track))
    away = np.linalg.norm(poses[:, :3, 3] - track.camera_to_world[:, :3, 3], axis=1) / metres
    turned = pose.angles_degrees(poses[:, :3, :3], track.camera_to_world[:, :3, :3]) / degrees
    lens = np.zeros(len(track)) if track.focal_mm is None else np.abs(np.log(focal / track.focal_mm)) / 0.01
    return np.asarray(np.maximum(np.maximum(away, turned), lens))


def _keyed(track: CameraTrack, chosen: NDArray[np.intp]) -> CameraPath:
    times = _evenly(track)[chosen]
    turns = pose.quaternion_from_rotation(track.camera_to_world[chosen, :3, :3])
    places = track.camera_to_world[chosen, :3, 3]
    focal = np.full(len(track), DEFAULT_FOCAL_MM) if track.focal_mm is None else track.focal_mm
    keys = []
    for time, place, (w, x, y, z), mm in zip(times, places, turns, focal[chosen], strict=True):
        turn = (float(w), float(x), float(y), float(z))
        keys.append(CameraKey(time=float(time), position=_vector(place), quaternion=turn, focal_mm=float(mm)))
    if len(keys) == 1:
        keys.append(CameraKey(time=1.0, position=keys[0].position, quaternion=keys[0].quaternion, focal_mm=focal[0]))
    return CameraPath(keys=tuple(keys))


def _evenly(track: CameraTrack) -> Floats:
    """Times (n,) in 0..1 of the poses."""
    if track.seconds is None or len(track) < 2:
        return np.linspace(0.0, 1.0, len(track))
    passed = track.seconds - track.seconds[0]
    return np.asarray((passed / passed[-1]).clip(0.0, 1.0))


def _vector(values: Floats) -> Vector:
    x, y, z = (float(value) for value in values)
    return x, y, z


def _refuse(message: str) -> InvalidRequest:
    return InvalidRequest((Problem(field="camera", message=message, hint="Draw it again."),))
