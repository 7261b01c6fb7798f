"""Several control clips as the one control video that VACE takes.

What fills the picture (depth, flow, grey) lies below, mixed by strength. What is lines on black (edges, scribble, pose)
is drawn over it, as opaque as it is bright and as it is strong beside the strongest. The branch has the weight of the
strongest. One clip alone stays exactly as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipelines.domain.conditioning import ControlClip

MAX_CONTROLS: Final = 4
LINES: Final = frozenset({"edges", "scribble", "pose"})
Video = NDArray[np.float32]


def mixed(given: Sequence[tuple[ControlClip, Video]]) -> Video:
    """The control video float32 (T, H, W, 3) in 0..1 of clips of that shape."""
    if len(given) == 1:
        return given[0][1]
    heard = [(part, video) for part, video in given if part.strength > 0.0] or list(given)
    strongest = max(part.strength for part, _ in heard) or 1.0
    dense = [(part.strength, video) for part, video in heard if part.control not in LINES]
    below = _mean(dense) if dense else np.zeros_like(given[0][1])
    for part, video in heard:
        if part.control in LINES:
            cover = video.max(axis=-1, keepdims=True) * np.float32(part.strength / strongest)
            colour = video / np.maximum(video.max(axis=-1, keepdims=True), np.float32(1e-3))
            below = below * (1.0 - cover) + colour * cover
    return below.astype(np.float32)


def _mean(clips: Sequence[tuple[float, Video]]) -> Video:
    total = sum(strength for strength, _ in clips)
    if total <= 0.0:
        return clips[0][1]
    return np.asarray(sum(np.float32(strength / total) * video for strength, video in clips), np.float32)
