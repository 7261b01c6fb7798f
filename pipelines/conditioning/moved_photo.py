"""A photograph moved like a clip: shifted, turned and scaled a little more in each frame, by exactly known maps.

Where a body is in the first frame, it is known where it must be in all others, so that an estimator can be held against
itself where nobody knows the truth.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

SHIFT, TURN_DEGREES, SCALE = 0.12, 8.0, 1.15
"""What the last frame has: its shift in shares of the width, its turn, its scale about the middle."""


def moved(photo: NDArray[np.uint8], num_frames: int) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """A clip (T, H, W, 3) of a photograph (H, W, 3), and the maps (T, 2, 3) from its pixels to each frame's."""
    height, width = photo.shape[:2]
    maps = np.stack([_map(place, width, height) for place in np.linspace(0.0, 1.0, num_frames)])
    frames = [
        cv2.warpAffine(photo, each, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        for each in maps
    ]
    return np.stack(frames).astype(np.uint8), maps


def _map(part: float, width: int, height: int) -> NDArray[np.float64]:
    scale = 1.0 + (SCALE - 1.0) * part
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), TURN_DEGREES * part, scale).astype(np.float64)
    matrix[0, 2] += SHIFT * width * part
    return matrix


def carried(skeleton: NDArray[np.floating], maps: NDArray[np.float64]) -> NDArray[np.float32]:
    """One skeleton (18, 3) of the photograph at every frame: (T, 18, 3)."""
    places = np.concatenate([skeleton[:, :2], np.ones((len(skeleton), 1))], axis=1)
    result = np.repeat(skeleton[None], len(maps), axis=0).astype(np.float32)
    result[..., :2] = places @ maps.transpose(0, 2, 1)
    return result
