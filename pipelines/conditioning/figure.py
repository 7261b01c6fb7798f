"""The built-in figure, posed by hand: a few key poses, with smooth motion between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.conditioning import pose
from pipelines.domain.errors import InvalidRequest, Problem

JOINTS = 18
STANDING = (
    (0.500, 0.170), (0.500, 0.275), (0.425, 0.280), (0.395, 0.405), (0.385, 0.520), (0.575, 0.280), (0.605, 0.405),
    (0.615, 0.520), (0.455, 0.520), (0.450, 0.690), (0.448, 0.860), (0.545, 0.520), (0.550, 0.690), (0.552, 0.860),
    (0.485, 0.155), (0.515, 0.155), (0.465, 0.165), (0.535, 0.165),
)  # fmt: skip
"""A figure that faces the camera, arms down: COCO-18 joints in shares of the frame's width and height."""


@dataclass(frozen=True, kw_only=True)
class FigureKey:
    """The figure at one frame. joints: 18 pairs of x, y in 0..1 of the frame, from the upper left; may lie outside."""

    frame: int
    joints: tuple[tuple[float, float], ...]

    def __post_init__(self) -> None:
        if len(self.joints) != JOINTS or self.frame < 0:
            raise ValueError(f"a figure has {JOINTS} joints, at a frame from 0 on")


def skeletons(keys: Sequence[FigureKey], num_frames: int, width: int, height: int) -> NDArray[np.float32]:
    """The figure at every frame: (num_frames, 18, 3) of x, y in pixels and confidence 1. Raises InvalidRequest.

    Between keys each joint follows a monotone cubic (Fritsch and Carlson, 1980): it never overshoots a pose, and rests
    before the first key and after the last.
    """
    known = {key.frame: key.joints for key in keys if key.frame < num_frames}
    if not known:
        problem = Problem(field="control_clip", message="No pose is set within the clip.", hint="Set at least one.")
        raise InvalidRequest((problem,))
    at = np.array(sorted(known), float)
    places = np.array([known[int(frame)] for frame in at]) * np.array([width, height])
    result = np.ones((num_frames, JOINTS, 3), np.float32)
    result[..., :2] = _between(at, places, np.arange(num_frames).clip(at[0], at[-1]))
    return result


def draw(keys: Sequence[FigureKey], num_frames: int, width: int, height: int) -> NDArray[np.uint8]:
    """The figure as a pose control clip uint8 (num_frames, height, width, 3). Raises InvalidRequest."""
    return pose.draw(skeletons(keys, num_frames, width, height), width, height)


def _between(at: NDArray[np.float64], values: NDArray[np.float64], asked: NDArray[np.float64]) -> NDArray[np.float64]:
    """A monotone cubic through values (K, ...) at K ascending places, at the asked places (N,)."""
    if len(at) == 1:
        return np.repeat(values, len(asked), axis=0)
    steps = np.diff(at).reshape(-1, *[1] * (values.ndim - 1))
    slopes = np.diff(values, axis=0) / steps
    tangents = np.zeros_like(values)
    if len(at) > 2:
        before, after = slopes[:-1], slopes[1:]
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = 2.0 / (1.0 / before + 1.0 / after)
        tangents[1:-1] = np.where(before * after > 0.0, mean, 0.0)
    left = np.clip(np.searchsorted(at, asked, side="right") - 1, 0, len(at) - 2)
    wide = steps[left]
    part = ((asked - at[left]) / (at[left + 1] - at[left])).reshape(-1, *[1] * (values.ndim - 1))
    start, end = values[left], values[left + 1]
    rest = 1.0 - part
    curve = rest**2 * (1.0 + 2.0 * part) * start + part**2 * (3.0 - 2.0 * part) * end
    bend = part * rest**2 * tangents[left] - part**2 * rest * tangents[left + 1]
    return np.asarray(curve + wide * bend)
