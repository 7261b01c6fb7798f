"""Pictures as clips of a moving camera, so that a subject learned from pictures does not stand still for ever.

For models of a small world alone: what a larger one knows of a move is better than a picture that is pushed about.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
from PIL import Image

from pipelines.domain.capabilities import Capabilities
from pipelines.personalize.captions import MOVES, STILL, knows
from pipelines.personalize.examples import Example
from pipelines.personalize.settings import Settings

Window = tuple[float, float, float]
"""Left, top and side of a part of a picture, as shares of it."""

_WHOLE, _MIDDLE, _LEFT, _RIGHT = (0.0, 0.0, 1.0), (0.25, 0.25, 0.5), (0.0, 0.2, 0.6), (0.4, 0.2, 0.6)
WINDOWS: Mapping[str, tuple[Window, Window]] = MappingProxyType(
    dict(zip(MOVES, ((_WHOLE, _MIDDLE), (_RIGHT, _LEFT), (_MIDDLE, _WHOLE), (_LEFT, _RIGHT)), strict=True))
)
"""What is seen at the beginning and at the end of each move."""
EACH = 2
"""How many moves a picture is shown with."""


def with_moves(examples: Sequence[Example], able: Capabilities, settings: Settings) -> list[Example]:
    """The examples, and after them every still picture again with moves that the model has words for."""
    known = [phrase for phrase in MOVES if knows(able, phrase)] if able.vocabulary else []
    still = [example for example in examples if len(example.frames) == 1 and STILL in example.caption]
    moves = [(each, known[(n + more) % len(known)]) for n, each in enumerate(still) for more in range(EACH) if known]
    return [*examples, *(_moved(each, phrase, settings) for each, phrase in moves)]


def _moved(example: Example, phrase: str, settings: Settings) -> Example:
    image = Image.fromarray(example.frames[0])
    first, last = (np.array(window) for window in WINDOWS[phrase])
    frames = []
    for share in np.linspace(0.0, 1.0, settings.num_frames):
        left, top, side = first + share * (last - first)
        box = (left * image.width, top * image.height, (left + side) * image.width, (top + side) * image.height)
        frames.append(np.asarray(image.resize((settings.width, settings.height), Image.Resampling.BICUBIC, box)))
    return Example(np.stack(frames), example.caption.replace(STILL, phrase))
