"""Edges as a control clip: white lines on black (Canny, "A Computational Approach to Edge Detection", 1986)."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

LOW, HIGH = 60.0, 140.0


def to_control(frames: NDArray[np.uint8], low: float = LOW, high: float = HIGH) -> NDArray[np.uint8]:
    """Edges of frames uint8 (T, H, W, 3) as uint8 (T, H, W, 3), 255 on an edge.

    low, high: thresholds of the gradient; lines above `high` are kept, and what hangs on them above `low`.
    """
    greys = (cv2.cvtColor(np.ascontiguousarray(frame), cv2.COLOR_RGB2GRAY) for frame in frames)
    lines = np.stack([cv2.Canny(cv2.GaussianBlur(grey, (3, 3), 0.0), low, high, L2gradient=True) for grey in greys])
    return np.repeat(lines[..., None], 3, axis=-1).astype(np.uint8)
