"""Joints from heatmaps: the highest point, moved to the middle of its hill."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

SMOOTH = 0.8
KERNEL = (11, 11)
FURTHEST = 1.0


def peaks(heatmaps: NDArray[np.float32]) -> NDArray[np.float32]:
    """Heatmaps (J, H, W) to joints (J, 3): x and y in heatmap pixels, and the height of the peak.

    A hill is taken for a Gaussian: its middle is one Newton step of the logarithm from its highest pixel, at most one
    pixel away (DARK, Zhang et al., "Distribution-Aware Coordinate Representation", 2020).
    """
    count, height, width = heatmaps.shape
    top = heatmaps.reshape(count, -1).argmax(axis=1)
    row, column = top // width, top % width
    result = np.empty((count, 3), np.float32)
    result[:, 2] = heatmaps.reshape(count, -1).max(axis=1)
    result[:, 0], result[:, 1] = column, row
    result[:, :2] += _newton(_logarithm(heatmaps), row + 1, column + 1)
    return result


def _logarithm(heatmaps: NDArray[np.float32]) -> NDArray[np.float32]:
    smooth = np.stack([cv2.GaussianBlur(hill, KERNEL, SMOOTH) for hill in heatmaps])
    return np.pad(np.log(smooth.clip(1e-3, None)), ((0, 0), (1, 1), (1, 1)), mode="edge").astype(np.float32)


def _newton(hills: NDArray[np.float32], row: NDArray[np.intp], column: NDArray[np.intp]) -> NDArray[np.float32]:
    """The step (J, 2) from a pixel to the top of the paraboloid through its neighbours; none where there is no top."""
    joint = np.arange(len(hills))

    def at(down: int, across: int) -> NDArray[np.float32]:
        return hills[joint, row + down, column + across]

    slope = np.stack([at(0, 1) - at(0, -1), at(1, 0) - at(-1, 0)], axis=-1) / 2.0
    bend_x, bend_y = at(0, 1) + at(0, -1) - 2.0 * at(0, 0), at(1, 0) + at(-1, 0) - 2.0 * at(0, 0)
    twist = (at(1, 1) - at(1, -1) - at(-1, 1) + at(-1, -1)) / 4.0
    area = bend_x * bend_y - twist**2
    is_top = (bend_x < 0.0) & (area > 1e-6)
    safe = np.where(is_top, area, 1.0)
    step_x = (twist * slope[:, 1] - bend_y * slope[:, 0]) / safe
    step_y = (twist * slope[:, 0] - bend_x * slope[:, 1]) / safe
    steps = np.stack([step_x, step_y], axis=-1).clip(-FURTHEST, FURTHEST)
    return np.where(is_top[:, None], steps, 0.0).astype(np.float32)
