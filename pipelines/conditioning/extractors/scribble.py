"""Scribble: few thick strokes, as if drawn by hand: a thing's outline without its texture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from pipelines.conditioning.extractors import Clip, Options
from pipelines.conditioning.extractors.filters import Filter, as_frames

NEAR, FAR, THICK = 0.008, 0.016, 0.012
"""Widths of both blurs and of a stroke, in shares of the shorter side."""
STRENGTH = 9.0
"""Grey levels between both blurs that make a stroke."""


def _strokes(frame: Clip, options: Options) -> Clip:
    """Where two blurs differ (differences of Gaussians, Winnemoeller et al., 2012), thinned and drawn anew."""
    side = min(frame.shape[:2])
    calm = cv2.bilateralFilter(np.ascontiguousarray(frame), 0, 30.0, max(1.5, 0.02 * side)).astype(np.float32)
    near, far = (cv2.GaussianBlur(calm, (0, 0), max(0.8, share * side)) for share in (NEAR, FAR))
    marks = (np.abs(near - far).max(axis=2) > options.get("strength", STRENGTH)).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(marks, connectivity=8)
    large = stats[:, cv2.CC_STAT_AREA] >= max(4.0, 0.0004 * marks.size)
    large[0] = False
    kept = large[labels].astype(np.uint8)
    outline = cv2.morphologyEx(kept, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    thick = max(2, round(THICK * side))
    brush = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (thick, thick))
    return (cv2.morphologyEx(cv2.dilate(outline, brush), cv2.MORPH_CLOSE, brush) * 255).astype(np.uint8)


def _look(frames: Clip, options: Options) -> Clip:
    return as_frames(np.stack([_strokes(frame, options) for frame in frames]))


def extractors(added: Sequence[Path]) -> tuple[Filter, ...]:
    return (Filter(id="scribble", control="scribble", title="Scribble", look=_look),)
