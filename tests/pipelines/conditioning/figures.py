"""A figure with hands and a face, made by hand."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipelines.conditioning.figure import STANDING
from pipelines.conditioning.people import FACE, HAND_NAMES, LEFT_HAND, RIGHT_HAND, WHOLE

LEFT_WRIST, RIGHT_WRIST = 7, 4


def whole_figure(side: float, at: float = 0.0) -> NDArray[np.float32]:
    """The standing figure (128, 3) in a square of so many pixels, moved right by `at`: fingers spread, a round face."""
    joints = np.ones((WHOLE, 3), np.float32)
    joints[:18, :2] = np.array(STANDING) * side
    for hand, wrist in ((LEFT_HAND, LEFT_WRIST), (RIGHT_HAND, RIGHT_WRIST)):
        joints[hand, :2] = joints[wrist, :2]
        for place in range(1, len(HAND_NAMES)):
            finger, joint = divmod(place - 1, 4)
            angle = 0.3 + 0.6 * finger
            step = 0.02 * side * (joint + 1)
            joints[hand.start + place, :2] += (step * np.cos(angle), step * np.sin(angle))
    turn = np.linspace(0.0, 2.0 * np.pi, FACE.stop - FACE.start, endpoint=False)
    joints[FACE, :2] = joints[0, :2] + 0.05 * side * np.stack([np.cos(turn), np.sin(turn)], axis=1)
    joints[:, 0] += at
    return joints
