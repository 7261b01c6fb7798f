"""What a measurement of a camera says, and what it does not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pipelines.domain.camera import pose
from pipelines.domain.camera.problems import FOCAL_MM
from pipelines.domain.camera.track import CameraTrack

FloatArray = NDArray[np.float64]
FrameStatus = Literal["measured", "between"]
Method = Literal["static", "turning", "turning and zooming", "moving", "none"]


@dataclass(frozen=True, kw_only=True)
class Measured:
    """The camera of a clip, or the reason why it could not be measured.

    camera_to_world: (T, 4, 4), OpenCV axes (x right, y down, z forward); the first camera is the identity, and the
    unit of length is the median depth of what the first camera sees. Empty (0, 4, 4) where not measured.
    status: per frame; "between" is read off its neighbours (blank frames, and most frames of long clips).
    residual_pixels: (T,) median distance, in pixels of the clip, between where points should be and were seen; NaN
    where nothing was compared.
    focal_pixels: (T, 2) focal lengths fx, fy; unequal for a clip that was squeezed to another shape.
    lens_source: "given", "given, width estimated" (fy as given, but the pixels are not square), or "estimated".
    translation_seen: False where nothing moved against anything else, so that only the turning is known.
    zooms: whether the focal length changes.
    confidence: 0..1, the share of sightings explained to within 1.5 pixels at the working size.
    problem: empty, or why the camera could not be measured.
    """

    camera_to_world: FloatArray
    status: tuple[FrameStatus, ...]
    residual_pixels: FloatArray
    focal_pixels: FloatArray
    lens_source: str
    method: Method
    translation_seen: bool
    zooms: bool
    confidence: float
    problem: str = ""


def not_measured(problem: str) -> Measured:
    """A measurement that failed."""
    return Measured(
        camera_to_world=np.zeros((0, 4, 4)),
        status=(),
        residual_pixels=np.zeros(0),
        focal_pixels=np.zeros((0, 2)),
        lens_source="",
        method="none",
        translation_seen=False,
        zooms=False,
        confidence=0.0,
        problem=problem,
    )


def as_track(measured: Measured, size: tuple[int, int], fps: float | None = None) -> CameraTrack:
    """The measured poses as a track of pictures of `size` (width, height); its unit is `Measured`'s, not the metre.

    Raises ValueError where the camera was not measured.
    """
    if measured.problem:
        raise ValueError(measured.problem)
    focal = pose.focal_mm_from_pixels(measured.focal_pixels[:, 1], size[1])
    seconds = None if fps is None else np.arange(len(focal)) / fps
    return CameraTrack(
        camera_to_world=measured.camera_to_world, focal_mm=np.clip(focal, *FOCAL_MM), seconds=seconds, size=size
    )
