"""Reading the camera off one clip, by an exact and by a general estimator, beside the path that was asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from pipelines.domain.camera.compare import compare
from pipelines.domain.camera.track import CameraTrack
from pipelines.measure.direct import Followed, follow_camera
from pipelines.measure.measure import measure
from pipelines.measure.measured import as_track
from pipelines.toybox.bench.camera import path_error
from pipelines.toybox.bench.scenes import Case
from pipelines.toybox.judge import Clips

LEAST_EXPLAINED = 0.5
MOST_DOUBT_DEGREES = 3.0


@dataclass(frozen=True, kw_only=True)
class Reading:
    """The camera of a clip beside the asked one. problem: why it could not be measured, or empty.

    rotation: degrees per frame; translation: share of the path, None where the asked camera stays in its place.
    explained: 0..1; doubt: the error of the rotation that the estimator itself expects, degrees.
    """

    rotation: float = 0.0
    translation: float | None = None
    explained: float = 0.0
    doubt: float = 0.0
    problem: str = ""


Estimator = Callable[[Case, Case, Clips], Reading]
"""(asked, whose geometry the clip was to show, clip) -> what its camera did."""


def exact(asked: Case, shown: Case, clip: Clips) -> Reading:
    """Direct alignment on the known depth of `shown`; metric, so that translations need no scale."""
    zooms = float(np.ptp(asked.focals)) > 1e-3 * float(asked.focals[0])
    found = follow_camera(clip, shown.depth, shown.still, asked.focals, zooms=zooms)
    error = path_error(found.poses, asked.poses)
    return Reading(
        rotation=error.rotation_degrees,
        translation=error.translation,
        explained=found.explained,
        doubt=found.doubt_degrees,
        problem=_doubtful(found),
    )


def _doubtful(found: Followed) -> str:
    if found.explained < LEAST_EXPLAINED:
        return f"Only {found.explained:.0%} of what moves fits one camera in the known scene."
    if not found.doubt_degrees < MOST_DOUBT_DEGREES:
        return f"The pictures leave {found.doubt_degrees:.0f} degrees open."
    return ""


def structure(asked: Case, shown: Case, clip: Clips) -> Reading:
    """Structure from motion, as for any video; only the first focal length is given."""
    size = (clip.shape[2], clip.shape[1])
    found = measure(clip, float(asked.focals[0]))
    if found.problem:
        return Reading(problem=found.problem)
    true = CameraTrack(camera_to_world=asked.poses, size=size)
    compared = compare(true, as_track(found, size))
    moves = path_error(asked.poses, asked.poses).translation is not None
    rotation = float(compared.rotation_degrees[1:].mean())
    if not moves:
        return Reading(rotation=rotation, explained=found.confidence)
    fraction = compared.translation_fraction
    translation = _from_start(asked) if fraction is None else float(fraction[1:].mean())
    return Reading(rotation=rotation, translation=translation, explained=found.confidence)


def _from_start(asked: Case) -> float:
    """The error of a camera that was seen to stay where it was."""
    still = np.tile(asked.poses[:1], (len(asked.poses), 1, 1))
    return float(path_error(still, asked.poses).translation or 0.0)


ESTIMATORS: Mapping[str, Estimator] = MappingProxyType({"exact": exact, "structure": structure})
TITLES: Mapping[str, str] = MappingProxyType({
    "exact": "direct alignment on the known depth",
    "structure": "structure from motion, paths scaled to one length",
})
