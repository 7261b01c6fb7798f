"""What a measurement of a camera says, and what it does not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pipelines.domain.camera import pose
from pipelines.domain.camera.path import FOCAL_MM
from pipelines.domain.camera.track import CameraTrack

FloatArray = NDArray[np.float64]
LEAST_EXPLAINED, MOST_DOUBT_DEGREES, MOST_DOUBT_WAY = 0.8, 2.0, 0.3
FrameStatus = Literal["measured", "between"]
Method = Literal["static", "turning", "turning and zooming", "moving", "moving and zooming", "none"]


@dataclass(frozen=True, kw_only=True)
class Measured:
    """The camera of a clip, or the reason why it could not be measured.

    camera_to_world: (T, 4, 4), OpenCV axes (x right, y down, z forward); the first camera is the identity, and the
    unit of length is the median depth of what the first camera sees. Empty (0, 4, 4) where not measured.
    status: per frame; "between" is read off its neighbours (blank frames, and most frames of long clips).
    residual_pixels: (T,) median distance, in pixels of the clip, between where points should be and were seen; NaN
    where nothing was compared.
    focal_pixels: (T, 2) focal lengths fx, fy; unequal for a clip that was squeezed to another shape.
    lens_source: "given", "given, squeezed" or "given, cropped" (which of both fits), "given, width estimated" (fy as
    given, but the pixels are not square), or "estimated".
    translation_seen: False where nothing moved against anything else, so that only the turning is known.
    zooms: whether the focal length changes.
    confidence: 0..1, the share of sightings explained to within 1.5 pixels at the working size.
    doubt_degrees: the error of the rotations, meant over the frames, that the sightings leave open. doubt_way: the same
    of the positions, as a share of the way; None where the camera only turned.
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
    doubt_degrees: float = 0.0
    doubt_way: float | None = None
    problem: str = ""

    @property
    def doubt(self) -> str:
        """Why the numbers are not to be relied on, or nothing; beyond the bounds true renders are measured wrongly."""
        if self.confidence < LEAST_EXPLAINED:
            return "Little is explained: the picture is poor or much moves by itself."
        if self.method == "moving and zooming":
            return "It zooms while it travels: how far, and whether to or fro along the line of sight, is half a guess."
        if not self.doubt_degrees < MOST_DOUBT_DEGREES or not (self.doubt_way or 0.0) < MOST_DOUBT_WAY:
            return "What is seen fits many ways of moving: it shows too little, or too little of it is near."
        return ""


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
