"""The errors of a camera's path beside the true one."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipelines.domain.camera.pose import angles_degrees, relative_to

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class PathError:
    """How far a path is from the true one.

    rotation_degrees: mean over frames of the angle between both cameras, each seen from its own first one.
    translation: mean distance of both as a share of the true path's length; None where the camera stays in its place.
    """

    rotation_degrees: float
    translation: float | None


def path_error(found: Floats, true: Floats, shortest: float = 0.05) -> PathError:
    """The error of camera-to-world poses (T, 4, 4); a path shorter than `shortest` has no share of translation."""
    found, true = (relative_to(path, path[0]) for path in (found, true))
    turns = angles_degrees(found[1:, :3, :3], true[1:, :3, :3])
    length = float(np.linalg.norm(np.diff(true[:, :3, 3], axis=0), axis=1).sum())
    away = float(np.linalg.norm(found[1:, :3, 3] - true[1:, :3, 3], axis=1).mean())
    return PathError(float(np.mean(turns)), away / length if length > shortest else None)
