"""Which frame stands at which time: pure arithmetic, exact in fractions."""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence
from fractions import Fraction


def resampled(num_frames: int, source: Fraction, target: Fraction) -> list[int]:
    """The source frame shown at the middle of each target frame; the duration is kept to the nearest target frame.

    source, target: frames per second. Equal rates give 0..num_frames-1.
    """
    count = max(1, math.floor(num_frames * target / source + Fraction(1, 2)))
    step = source / target
    return [min(num_frames - 1, math.floor((2 * i + 1) * step / 2)) for i in range(count)]


def uniform(times: Sequence[float], seconds: float, fps: float) -> list[int]:
    """The frame shown at the middle of each tick of 1/fps, of frames that start at `times`, `seconds` in all."""
    count = max(1, math.floor(seconds * fps + 0.5))
    start = times[0]
    return [max(0, bisect.bisect_right(times, start + (i + 0.5) / fps) - 1) for i in range(count)]


def is_uniform(times: Sequence[float], fps: float) -> bool:
    """Whether frames stand within three quarters of a tick of where a constant rate puts them."""
    return all(abs(t - times[0] - i / fps) < 0.75 / fps for i, t in enumerate(times))
