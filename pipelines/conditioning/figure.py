"""The built-in figure, posed by hand: a few key poses, with smooth motion between them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.conditioning.people import WHOLE, nobody
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
    """The figure at one frame. joints: pairs of x, y in 0..1 of the frame, from the upper left; may lie outside.

    There are 18, or with hands and face as many as `people` has; None for one that is not seen.
    """

    frame: int
    joints: tuple[tuple[float, float] | None, ...]

    def __post_init__(self) -> None:
        if len(self.joints) not in (JOINTS, WHOLE) or self.frame < 0:
            raise ValueError(f"a figure has {JOINTS} joints, or {WHOLE} with hands and face, at a frame from 0 on")


def skeletons(keys: Sequence[FigureKey], num_frames: int, width: int, height: int) -> NDArray[np.float32]:
    """The figure at every frame: (num_frames, J, 3) of x, y in pixels and confidence 1. Raises InvalidRequest.

    Between keys each joint follows a monotone cubic (Fritsch and Carlson, 1980): it never overshoots a pose, and rests
    before the first key and after the last. A joint is seen where the keys on both sides have it.
    """
    known = {key.frame: _full(key) for key in keys if key.frame < num_frames}
    if not known:
        problem = Problem(field="control_clip", message="No pose is set within the clip.", hint="Set at least one.")
        raise InvalidRequest((problem,))
    at = np.array(sorted(known), float)
    places = np.stack([known[int(frame)] for frame in at])
    asked = np.arange(num_frames).clip(at[0], at[-1])
    result = nobody(num_frames)
    for joint in range(WHOLE):
        has = np.asarray(np.isfinite(places[:, joint]).all(axis=1))
        if has.any():
            moved = _between(at[has], places[has, joint] * (width, height), asked.clip(at[has][0], at[has][-1]))
            seen = has[np.searchsorted(at, asked)] & has[np.searchsorted(at, asked, side="right") - 1]
            result[seen, joint] = np.column_stack([moved, np.ones(num_frames)])[seen]
    is_whole = np.isfinite(places[:, JOINTS:]).any()
    return result if is_whole else result[:, :JOINTS]


def _full(key: FigureKey) -> NDArray[np.float64]:
    """The places (128, 2) of a key; NaN for what is not seen."""
    told = [(math.nan, math.nan) if place is None else place for place in key.joints]
    return np.array([*told, *[(math.nan, math.nan)] * (WHOLE - len(told))])


def group(people: Sequence[Sequence[FigureKey]], num_frames: int, width: int, height: int) -> NDArray[np.float32]:
    """The figures of several people at every frame: (num_frames, people, J, 3), as `skeletons` has each."""
    each = [skeletons(keys, num_frames, width, height) for keys in people]
    most = max(joints.shape[1] for joints in each)
    result = nobody(num_frames, len(each))[..., :most, :]
    for place, joints in enumerate(each):
        result[:, place, : joints.shape[1]] = joints
    return result


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
