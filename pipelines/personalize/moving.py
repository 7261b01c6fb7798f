"""Pictures as clips of a moving camera, so that a subject learned from pictures does not stand still for ever.

The camera comes closer to a picture that is lifted by its depth, so that the subject grows and what is far away does
not, as in a clip; it pans by a window that slides over the picture. For models of a small world alone: what a larger
one knows of a move is better than a picture that is pushed about.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, partial
from types import MappingProxyType

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipelines.conditioning import depth
from pipelines.conditioning.lift import Lifted, lifted, moved
from pipelines.domain.camera.plan_text import path_from_text
from pipelines.domain.capabilities import Capabilities
from pipelines.personalize.captions import MOVES, STILL, knows
from pipelines.personalize.dataset import find
from pipelines.personalize.examples import Example, Shown, fitted
from pipelines.personalize.settings import Settings

Window = tuple[float, float, float]
"""Left, top and side of a part of a picture, as shares of it."""

_, _PAN_LEFT, _OUT, _PAN_RIGHT = MOVES
_LEFT, _RIGHT = (0.0, 0.2, 0.6), (0.4, 0.2, 0.6)
WINDOWS: Mapping[str, tuple[Window, Window]] = MappingProxyType(
    {_PAN_LEFT: (_RIGHT, _LEFT), _PAN_RIGHT: (_LEFT, _RIGHT)}
)
"""What is seen at the beginning and at the end of a pan."""
CLOSER = "dolly in 1.8"
"""Metres, of the 4 to the subject."""
EDGE = 5
"""Pixels by which the card of a subject is wider than what is found of it, for its soft edge."""
EACH = 2
"""How many moves a picture is shown with."""
FINER = 2
"""A picture is lifted this much finer than it is learned: coming closer shows more of it."""


@dataclass(frozen=True)
class Moving:
    """A picture with a move. Its frames are made when they are asked for: a training that goes on has their latents."""

    caption: str
    make: Callable[[], NDArray[np.uint8]]

    @cached_property
    def frames(self) -> NDArray[np.uint8]:
        return self.make()


def with_moves(examples: Sequence[Example], able: Capabilities, settings: Settings) -> list[Shown]:
    """The examples, and after them every still picture again with moves that the model has words for."""
    known = [phrase for phrase in MOVES if knows(able, phrase)] if able.vocabulary else []
    still = [example for example in examples if len(example.frames) == 1 and STILL in example.caption]
    if not known or not still:
        return list(examples)
    moves = [(n, known[(n + more) % len(known)]) for n in range(len(still)) for more in range(EACH)]
    lifts = cache(partial(_lifts, still, settings))

    def made(place: int, phrase: str) -> NDArray[np.uint8]:
        if phrase in WINDOWS:
            return _panned(still[place], phrase, settings)
        frames = _approached(lifts()[place], settings)
        return frames[::-1] if phrase == _OUT else frames

    shown = (Moving(still[n].caption.replace(STILL, phrase), partial(made, n, phrase)) for n, phrase in moves)
    return [*examples, *shown]


def _panned(example: Example, phrase: str, settings: Settings) -> NDArray[np.uint8]:
    image = Image.fromarray(example.frames[0])
    first, last = (np.array(window) for window in WINDOWS[phrase])
    frames = []
    for share in np.linspace(0.0, 1.0, settings.num_frames):
        left, top, side = first + share * (last - first)
        box = (left * image.width, top * image.height, (left + side) * image.width, (top + side) * image.height)
        frames.append(np.asarray(image.resize((settings.width, settings.height), Image.Resampling.BICUBIC, box)))
    return np.stack(frames)


def _lifts(examples: Sequence[Example], settings: Settings) -> list[Lifted]:
    size = (FINER * settings.width, FINER * settings.height)
    pictures = np.concatenate([fitted(example.frames, *size) for example in examples])
    return [_lift(picture, near) for picture, near in zip(pictures, depth.estimate(pictures), strict=True)]


def _lift(picture: NDArray[np.uint8], near: NDArray[np.float32]) -> Lifted:
    """The subject stands there like a card: it grows as a whole, where the errors of its depth would bend it."""
    lift = lifted(picture, near)
    size, edge = lift.closeness.shape[::-1], np.ones((EDGE, EDGE), np.uint8)
    card = cv2.dilate(cv2.resize(find(picture).mask.astype(np.uint8), size), edge) > 0
    lift.closeness[card] = np.median(lift.closeness[card])
    return lift


def _approached(lift: Lifted, settings: Settings) -> NDArray[np.uint8]:
    """The camera comes closer; the little that the picture does not show is painted in from around it."""
    seen = moved(lift, path_from_text(CLOSER), settings.num_frames)
    pairs = zip(seen.frames, seen.holes.astype(np.uint8), strict=True)
    whole = np.stack([np.asarray(cv2.inpaint(frame, hole, 3, cv2.INPAINT_TELEA), np.uint8) for frame, hole in pairs])
    return fitted(whole, settings.width, settings.height)
