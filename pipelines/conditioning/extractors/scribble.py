"""Scribble: few thick strokes, as if drawn by hand: a thing's outline without its texture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from pipelines.conditioning.extractors import Clip, Options
from pipelines.conditioning.extractors.filters import Filter, as_frames

NEAR, FAR, THICK = 0.006, 0.02, 0.016
"""Widths of both blurs and of a stroke, in shares of the shorter side."""
STRENGTH = 9.0
"""Grey levels between both blurs, in any colour, that make a stroke."""
SIDE = 256
"""Pixels of the shorter side that smaller frames are enlarged to, since strokes need room."""


def _strokes(frame: Clip, options: Options) -> Clip:
    """Where two blurs differ (differences of Gaussians, Winnemoeller et al., 2012), outlined and drawn anew."""
    height, width = frame.shape[:2]
    scale = max(1.0, SIDE / min(height, width))
    large = cv2.resize(frame, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_CUBIC)
    side = min(large.shape[:2])
    calm = cv2.bilateralFilter(large, 0, 30.0, 0.012 * side).astype(np.float32)
    near, far = (cv2.GaussianBlur(calm, (0, 0), share * side) for share in (NEAR, FAR))
    marks = (np.abs(near - far).max(axis=2) > options.get("strength", STRENGTH)).astype(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(marks, connectivity=8)
    large_enough = stats[:, cv2.CC_STAT_AREA] >= 0.002 * marks.size
    large_enough[0] = False
    outline = cv2.morphologyEx(large_enough[labels].astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    thick = max(2, round(THICK * side))
    brush = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (thick, thick))
    drawn = cv2.morphologyEx(cv2.dilate(outline, brush), cv2.MORPH_CLOSE, brush) * np.uint8(255)
    return ((cv2.resize(drawn, (width, height), interpolation=cv2.INTER_AREA) > 96) * 255).astype(np.uint8)


def _look(frames: Clip, options: Options) -> Clip:
    return as_frames(np.stack([_strokes(frame, options) for frame in frames]))


def extractors(added: Sequence[Path]) -> tuple[Filter, ...]:
    return (Filter(id="scribble", control="scribble", title="Scribble", look=_look),)
