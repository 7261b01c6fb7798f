"""How alike the subject of sample clips is to that of a person's pictures: its colours, told without any model.

The loss on unseen pictures cannot tell: it rises with what is fine and random while clips come ever nearer.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipelines.personalize.dataset import colours
from pipelines.personalize.examples import Example

_SEEN = (0.25, 0.5, 1.0)


class Look:
    """What a subject looks like, from pictures of it."""

    def __init__(self, examples: Sequence[Example]) -> None:
        shown = [colours(example.frames[len(example.frames) // 2]) for example in examples]
        self._wanted = np.mean(shown, axis=0)

    def likeness(self, clips: Sequence[NDArray[np.uint8]]) -> float:
        """The share 0..1 of its colours that clips uint8 (T, H, W, 3) have, where their subject is found."""
        frames = [clip[round(share * (len(clip) - 1))] for clip in clips for share in _SEEN]
        return float(np.mean([np.minimum(colours(frame), self._wanted).sum() for frame in frames]))
