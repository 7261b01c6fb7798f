"""One rule for how many joints of a skeleton are found, for estimators and for generated clips alike."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipelines.conditioning import pose

PCK_SHARE = 0.1
FEWEST = 4


def hits(found: NDArray[np.floating], truth: NDArray[np.floating]) -> tuple[int, int]:
    """PCK@0.1 (Yang and Ramanan, 2013): how many visible joints of skeletons (..., 18, 3) are found, of how many.

    A joint is found when its estimate is certain enough to be drawn and no further away than a tenth of the longer side
    of the box around the person's visible joints. Persons with fewer than FEWEST visible joints are passed over.
    """
    right = total = 0
    for guess, real in zip(found.reshape(-1, 18, 3), truth.reshape(-1, 18, 3), strict=True):
        seen = (real[:, 2] > 0.5) & np.isfinite(real[:, 0])
        if seen.sum() < FEWEST:
            continue
        reach = PCK_SHARE * np.ptp(real[seen, :2], axis=0).max()
        away = np.linalg.norm(guess[seen, :2] - real[seen, :2], axis=1)
        right += int(((away <= reach) & (guess[seen, 2] >= pose.CONFIDENT)).sum())
        total += int(seen.sum())
    return right, total
