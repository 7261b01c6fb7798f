"""Canny edges: what toybox was trained on, and controlnet-aux's own where that package imports."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from pipelines.conditioning import edges
from pipelines.conditioning.extractors import Clip, Options
from pipelines.conditioning.extractors.auxiliary import SMALLEST, detector, why_not
from pipelines.conditioning.extractors.filters import Filter


def _own(frames: Clip, options: Options) -> Clip:
    return edges.to_control(frames, options.get("low", edges.LOW), options.get("high", edges.HIGH))


def _aux(frames: Clip, options: Options) -> Clip:
    low, high = round(options.get("low", 100)), round(options.get("high", 200))
    side, size = max(SMALLEST, min(frames.shape[1:3])), (frames.shape[2], frames.shape[1])
    look = detector("CannyDetector")
    found = (np.asarray(look(frame, low, high, side, side, "np")) for frame in frames)
    return np.stack([cv2.resize(lines, size, interpolation=cv2.INTER_AREA) for lines in found]).astype(np.uint8)


def extractors(added: Sequence[Path]) -> tuple[Filter, ...]:
    aux = Filter(id="controlnet-aux-canny", control="edges", title="Edges, Canny of controlnet-aux", look=_aux,
                 why_not=why_not())  # fmt: skip
    return Filter(id="canny", control="edges", title="Edges, Canny", look=_own), aux
