"""CameraTrack: where a camera was frame by frame, as files and measurements have it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipelines.domain.camera.path import FOCAL_MM, CameraPath
from pipelines.domain.camera.pose import Floats
from pipelines.domain.camera.problems import MAX_METRES

MAX_POSES = 100_000


@dataclass(frozen=True, kw_only=True, eq=False)
class CameraTrack:
    """Poses one after the other; conventions as in `pose.py`.

    camera_to_world: float64 (n, 4, 4), rigid, n >= 1. focal_mm: (n,) of a 24 mm high picture, None where it is not
    known. seconds: (n,) rising, None where they are evenly spaced at an unknown rate. size: (width, height) in pixels,
    None where it is not known. aspect: width / height, known more often than the size.
    Raises ValueError where this does not hold.
    """

    camera_to_world: Floats
    focal_mm: Floats | None = None
    seconds: Floats | None = None
    size: tuple[int, int] | None = None
    aspect: float | None = None

    def __post_init__(self) -> None:
        poses = self.camera_to_world
        count = len(poses)
        if poses.shape != (count, 4, 4) or not 1 <= count <= MAX_POSES:
            raise ValueError(f"poses are (n, 4, 4) with n of 1 to {MAX_POSES}, not {poses.shape}")
        if not np.isfinite(poses).all() or np.abs(poses[:, :3, 3]).max() > MAX_METRES:
            raise ValueError("poses are finite numbers within bounds")
        if self.focal_mm is not None and not _within(self.focal_mm, count, *FOCAL_MM):
            raise ValueError(f"focal lengths are {FOCAL_MM[0]:g} to {FOCAL_MM[1]:g} mm, one per pose")
        if self.seconds is not None and (self.seconds.shape != (count,) or not (np.diff(self.seconds) > 0).all()):
            raise ValueError("seconds rise, one per pose")
        if self.aspect is None and self.size is not None:
            object.__setattr__(self, "aspect", self.size[0] / self.size[1])

    def __len__(self) -> int:
        return len(self.camera_to_world)


def track_of(
    path: CameraPath, num_frames: int, *, fps: float | None = None, size: tuple[int, int] | None = None
) -> CameraTrack:
    """The poses of a path for a clip. Raises InvalidRequest where the path is not sound."""
    poses, focal = path.sample(num_frames)
    seconds = None if fps is None else np.arange(num_frames) / fps
    return CameraTrack(camera_to_world=poses, focal_mm=focal, seconds=seconds, size=size)


def _within(values: Floats, count: int, low: float, high: float) -> bool:
    return values.shape == (count,) and bool(((values >= low) & (values <= high)).all())
