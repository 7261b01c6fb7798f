"""Pose as a control clip: coloured sticks and joints on black, the convention of OpenPose (Cao et al., 2019).

Hands and faces are drawn as DWPose does (Yang et al., 2023): fingers once around the colour wheel with blue joints,
faces as white dots. The body's joints are COCO-18: nose, neck, right shoulder, elbow, wrist, left shoulder, elbow,
wrist, right hip, knee, ankle, left hip, knee, ankle, right eye, left eye, right ear, left ear. Right and left are the
person's own.
"""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.conditioning.estimators import chosen

if TYPE_CHECKING:
    from pipelines.conditioning.pose_model import PoseModel

LIMBS = (
    (1, 2), (1, 5), (2, 3), (3, 4), (5, 6), (6, 7), (1, 8), (8, 9), (9, 10), (1, 11), (11, 12), (12, 13),
    (1, 0), (0, 14), (14, 16), (0, 15), (15, 17),
)  # fmt: skip
"""Pairs of joints that a stick joins; its colour is that of the same place on the wheel."""

FINGER_BONES = tuple((0 if joint % 4 == 1 else joint - 1, joint) for joint in range(1, 21))
"""The bones of a hand's 21 joints: from the wrist along each finger, the thumb first."""
BODY_JOINTS, HAND_JOINTS = 18, 21
BLUE, WHITE = (0, 0, 255), (255, 255, 255)

CONFIDENT = 0.3
SUBPIXEL_BITS = 4


def wheel(place: float) -> tuple[int, int, int]:
    """The saturated RGB of place 0..18 on the colour wheel in 18 steps, from red over green and blue to pink."""
    red, green, blue = colorsys.hsv_to_rgb(place / 18.0, 1.0, 1.0)
    return round(255 * red), round(255 * green), round(255 * blue)


def draw(skeletons: NDArray[np.floating], width: int, height: int) -> NDArray[np.uint8]:
    """Skeletons (T, J, 3) or (T, persons, J, 3) of x, y in pixels and confidence, as frames uint8 (T, H, W, 3).

    J is 18, or with hands and face as `people` has them. Joints below CONFIDENT or not finite are left out. Sticks are
    a sixtieth of the shorter side thick, at 60 % light.
    """
    people = skeletons[:, None] if skeletons.ndim == 3 else skeletons
    return np.stack([_frame(persons, width, height) for persons in people])


Spot = Sequence[int]
"""x, y in fractions of a pixel, see SUBPIXEL_BITS."""


class _Canvas:
    """Where one frame is drawn."""

    def __init__(self, width: int, height: int) -> None:
        self.pixels = np.zeros((height, width, 3), np.uint8)
        self.thick = max(2, round(min(width, height) / 60))

    def bone(self, start: Spot, end: Spot, colour: tuple[int, ...], thick: int) -> None:
        cv2.line(self.pixels, start, end, colour, thick, cv2.LINE_AA, SUBPIXEL_BITS)

    def joint(self, spot: Spot, share: float, colour: tuple[int, ...]) -> None:
        """A dot whose radius is a share of a stick's thickness."""
        radius = round(share * (self.thick << SUBPIXEL_BITS))
        cv2.circle(self.pixels, spot, radius, colour, -1, cv2.LINE_AA, SUBPIXEL_BITS)


def _frame(persons: NDArray[np.floating], width: int, height: int) -> NDArray[np.uint8]:
    canvas = _Canvas(width, height)
    for joints in persons:
        known = np.isfinite(joints[:, :2]).all(axis=1) & (joints[:, 2] >= CONFIDENT)
        spots = np.rint(np.nan_to_num(joints[:, :2]).clip(-4096, 4096) * 2**SUBPIXEL_BITS).astype(int).tolist()
        _body(canvas, known[:BODY_JOINTS], spots)
        for first in range(BODY_JOINTS, min(len(joints), BODY_JOINTS + 2 * HAND_JOINTS), HAND_JOINTS):
            _hand(canvas, known[first : first + HAND_JOINTS], spots[first : first + HAND_JOINTS])
        for place in np.flatnonzero(known[BODY_JOINTS + 2 * HAND_JOINTS :]).tolist():
            canvas.joint(spots[BODY_JOINTS + 2 * HAND_JOINTS + place], 3 / 8, WHITE)
    return canvas.pixels


def _body(canvas: _Canvas, known: NDArray[np.bool_], spots: Sequence[Spot]) -> None:
    for place, (start, end) in enumerate(LIMBS):
        if known[start] and known[end]:
            canvas.bone(spots[start], spots[end], tuple(round(0.6 * part) for part in wheel(place)), canvas.thick)
    for place in np.flatnonzero(known).tolist():
        canvas.joint(spots[place], 2 / 3, wheel(place))


def _hand(canvas: _Canvas, known: NDArray[np.bool_], spots: Sequence[Spot]) -> None:
    for place, (start, end) in enumerate(FINGER_BONES):
        if known[start] and known[end]:
            colour = wheel(18 * place / len(FINGER_BONES))
            canvas.bone(spots[start], spots[end], colour, max(1, round(canvas.thick / 4)))
    for place in np.flatnonzero(known).tolist():
        canvas.joint(spots[place], 3 / 8, BLUE)


def load(folder: Path | None = None, device: str = "cpu") -> PoseModel:
    """The estimator in a folder of ViTPose's classes, by default the shipped one; imports torch now.

    Raises BrokenCheckpoint where the folder is none, is damaged or holds something else.
    """
    from pipelines.conditioning.pose_model import PoseModel

    return PoseModel(chosen("pose", folder), device)


def estimate(frames: NDArray[np.uint8], folder: Path | None = None, device: str = "cpu") -> NDArray[np.float32]:
    """Skeletons float32 (T, 18, 3) of x, y in pixels and confidence, of frames uint8 (T, H, W, 3); see `load`.

    One person per frame, the one seen best. A frame without a person is NaN, NaN, 0 throughout; a hidden joint has a
    confidence below CONFIDENT.
    """
    return load(folder, device).estimate(frames)
