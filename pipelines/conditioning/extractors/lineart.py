"""Line art: thin strokes where a picture is darker than its surroundings, white on black.

By LineartStandard of controlnet-aux where that imports, else by like arithmetic in OpenCV: how much darker a pixel is
than its blurred surroundings, in units of the median of what is darker at all.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import cv2
import numpy as np

from pipelines.conditioning.extractors import BodyPart, Clip, OnShare, Options, Structure
from pipelines.conditioning.extractors.auxiliary import SMALLEST, detector, why_not
from pipelines.conditioning.extractors.filters import Filter, as_frames
from pipelines.domain.conditioning import ControlKind

SIGMA, THRESHOLD = 6.0, 8.0
_AUX = "LineartStandardDetector"


class LineArt:
    """Line art by whichever of both is here; the clip tells which one it was."""

    id, title, why_not = "lineart", "Line art", ""
    gives: ClassVar[tuple[BodyPart, ...]] = ()
    most_people: ClassVar[int] = 0
    control: ClassVar[ControlKind] = "edges"

    def extract(self, frames: Clip, size: tuple[int, int], options: Options, on_share: OnShare) -> Structure:
        """What made it is `controlnet-aux-lineart` or `lineart-opencv`."""
        look, name = (_by_aux, "controlnet-aux-lineart") if _aux_loads() else (by_opencv, "lineart-opencv")
        lines = Filter(id=name, control=self.control, title=self.title, look=look)
        return lines.extract(frames, size, options, on_share)


@functools.cache
def _aux_loads() -> bool:
    """Whether controlnet-aux is here and loads."""
    if why_not():
        return False
    try:
        detector(_AUX)
    except (ImportError, RuntimeError, AttributeError):
        return False
    return True


def _by_aux(frames: Clip, options: Options) -> Clip:
    sigma, threshold = options.get("sigma", SIGMA), options.get("threshold", THRESHOLD)
    look, side = detector(_AUX), max(SMALLEST, min(frames.shape[1:3]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the median of a frame without lines
        return np.stack([np.asarray(look(frame, sigma, threshold, side, "np")) for frame in frames])


def by_opencv(frames: Clip, options: Options) -> Clip:
    """Line art of frames uint8 (T, H, W, 3), as many of the same shape."""
    return as_frames(np.stack([_lines(frame, options) for frame in frames]))


def _lines(frame: Clip, options: Options) -> Clip:
    values = frame.astype(np.float32)
    around = cv2.GaussianBlur(values, (0, 0), options.get("sigma", SIGMA))
    darker = (around - values).min(axis=2).clip(0.0, 255.0)
    told = darker[darker > options.get("threshold", THRESHOLD)]
    scale = max(16.0, float(np.median(told)) if len(told) else 0.0)
    return (darker / scale * 127.0).clip(0.0, 255.0).astype(np.uint8)


def extractors(added: Sequence[Path]) -> tuple[LineArt, ...]:
    return (LineArt(),)
