"""From many poses to few keys: tracks that were measured or read from a file become paths that can be edited."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipelines.domain.camera import pose
from pipelines.domain.camera.path import DEFAULT_FOCAL_MM, CameraKey, CameraPath, Vector
from pipelines.domain.camera.pose import Floats
from pipelines.domain.camera.problems import MAX_KEYS
from pipelines.domain.camera.track import CameraTrack


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
