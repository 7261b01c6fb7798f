"""How fast a camera moves, frame by frame, to be compared with what a model can follow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipelines.domain.camera import pose
from pipelines.domain.camera.path import CameraPath
from pipelines.domain.camera.pose import Floats


@dataclass(frozen=True, eq=False)
class Speed:
    """What changes from each frame to the next, (n - 1,) each.

    degrees: by how much the camera turns. metres: how far it travels. zoom: ratio of the focal lengths, 1 = none.
    """

    degrees: Floats
    metres: Floats
    zoom: Floats


def speed(path: CameraPath, num_frames: int) -> Speed:
    """The speed of a path over a clip of so many frames. Raises InvalidRequest where the path is not sound."""
    poses, focal = path.sample(num_frames)
    return speed_of(poses, focal)


def speed_of(camera_to_world: Floats, focal_mm: Floats) -> Speed:
    """The speed of poses (n, 4, 4) with focal lengths (n,)."""
    return Speed(
        degrees=pose.angles_degrees(camera_to_world[:-1, :3, :3], camera_to_world[1:, :3, :3]),
        metres=np.linalg.norm(np.diff(camera_to_world[:, :3, 3], axis=0), axis=1),
        zoom=np.asarray(focal_mm[1:] / focal_mm[:-1]),
    )
