"""The two orders of COCO's joints: 17 as pose models name them, 18 as OpenPose draws them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

NECK = 1
SHOULDERS = (2, 5)
FROM_17 = (0, 5, 6, 8, 10, 5, 7, 9, 12, 14, 16, 11, 13, 15, 2, 1, 4, 3)
"""For each of the 18 joints its place among the 17; the neck's is filled from the shoulders."""

TO_17 = (0, 15, 14, 17, 16, 5, 2, 6, 3, 7, 4, 11, 8, 12, 9, 13, 10)
"""For each of the 17 joints its place among the 18."""


def with_neck(joints: NDArray[np.floating]) -> NDArray[np.float32]:
    """COCO-17 joints (..., 17, 3) of x, y, confidence as COCO-18 (..., 18, 3).

    The neck is midway between the shoulders and as certain as the less certain one.
    """
    result = joints[..., FROM_17, :].astype(np.float32)
    right, left = (result[..., shoulder, :] for shoulder in SHOULDERS)
    result[..., NECK, :2] = (right[..., :2] + left[..., :2]) / 2.0
    result[..., NECK, 2] = np.minimum(right[..., 2], left[..., 2])
    return result
