"""Where a top-down pose model looks: a box around a person, cut out to the model's input, and the way back.

The convention is that of ViTPose (Xu et al., 2022): a box is widened to the input's shape and by a quarter, and corners
map to corners without bias ("The Devil is in the Details", Huang et al., 2020). Boxes are left, top, width, height in
pixels of the picture; a pixel's middle lies at a half.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

WIDENED = 1.25
MARGIN = 0.12
"""How much of its longer side a box around joints grows on every side: joints lie inside the body."""


@dataclass(frozen=True)
class Box:
    """A rectangle of a picture in pixels."""

    left: float
    top: float
    width: float
    height: float


def whole(width: int, height: int) -> Box:
    """The whole picture."""
    return Box(0.0, 0.0, float(width), float(height))


def around(joints: NDArray[np.floating]) -> Box:
    """The box of one person's known joints (N, 2), with a margin for hands, feet and hair."""
    low, high = joints.min(axis=0), joints.max(axis=0)
    margin = MARGIN * max(float((high - low).max()), 8.0)
    left, top = (low - margin).tolist()
    width, height = (high - low + 2 * margin).tolist()
    return Box(left, top, width, height)


@dataclass(frozen=True)
class View:
    """The cut of a picture that a model with input `size` (width, height) sees of a box."""

    box: Box
    size: tuple[int, int]

    def seen(self) -> Box:
        """What is really seen: the box widened to the input's shape and by a quarter around its middle."""
        box, shape = self.box, self.size[0] / self.size[1]
        width, height = max(box.width, shape * box.height), max(box.height, box.width / shape)
        width, height = WIDENED * width, WIDENED * height
        return Box(box.left + (box.width - width) / 2, box.top + (box.height - height) / 2, width, height)

    def cut(self, frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The input uint8 (height, width, 3); black outside of the picture."""
        seen, (width, height) = self.seen(), self.size
        shrink = min(1.0, 2.0 * width / seen.width)
        if shrink < 1.0:
            side = (max(1, round(frame.shape[1] * shrink)), max(1, round(frame.shape[0] * shrink)))
            shrunk = cv2.resize(frame, side, interpolation=cv2.INTER_AREA).astype(np.uint8)
        else:
            shrunk = frame
        across, down = shrunk.shape[1] / frame.shape[1], shrunk.shape[0] / frame.shape[0]
        scale_x, scale_y = (width - 1) / seen.width / across, (height - 1) / seen.height / down
        matrix = np.array(
            [[scale_x, 0.0, -scale_x * seen.left * across], [0.0, scale_y, -scale_y * seen.top * down]], np.float32
        )
        return cv2.warpAffine(np.ascontiguousarray(shrunk), matrix, self.size, flags=cv2.INTER_LINEAR).astype(np.uint8)

    def into(self, joints: NDArray[np.floating], grid: tuple[int, int]) -> NDArray[np.float32]:
        """Places (N, 2) of the picture on a grid of (width, height) points laid over the input, corner on corner."""
        seen = self.seen()
        spread = np.array([(grid[0] - 1) / seen.width, (grid[1] - 1) / seen.height])
        return ((joints - 0.5 - np.array([seen.left, seen.top])) * spread).astype(np.float32)

    def back(self, places: NDArray[np.floating], grid: tuple[int, int]) -> NDArray[np.float32]:
        """The inverse of `into`: places (N, 2) on the grid to pixels of the picture."""
        seen = self.seen()
        spread = np.array([seen.width / (grid[0] - 1), seen.height / (grid[1] - 1)])
        return (places * spread + np.array([seen.left, seen.top]) + 0.5).astype(np.float32)
