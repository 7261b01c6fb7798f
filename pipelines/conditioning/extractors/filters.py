"""Structure that arithmetic finds, without a model: what such extractors share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np

from pipelines.conditioning.extractors import BodyPart, Clip, OnShare, Options, Structure, parts
from pipelines.domain.conditioning import ControlKind

CHUNK = 4


@dataclass(frozen=True, kw_only=True)
class Filter:
    """An extractor of lines: it looks at frames of the final size, and what it finds is white on black.

    look: frames uint8 (T, H, W, 3) -> as many of the same shape.
    """

    id: str
    control: ControlKind
    title: str
    gives: ClassVar[tuple[BodyPart, ...]] = ()
    most_people: ClassVar[int] = 0
    look: Callable[[Clip, Options], Clip]
    why_not: str = ""

    def extract(self, frames: Clip, size: tuple[int, int], options: Options, on_share: OnShare) -> Structure:
        """A note tells where next to nothing was found."""
        made = [self.look(sized(frames[part], size), options) for part in parts(len(frames), CHUNK, on_share)]
        pixels = np.concatenate(made)
        empty = int(((pixels > 127).mean(axis=(1, 2, 3)) < 1e-4).sum()) if self.control != "grey" else 0
        notes = (f"Next to nothing was found in {empty} of {len(pixels)} frames.",) if empty else ()
        return Structure(pixels=pixels, estimator=self.id, notes=notes)


def sized(frames: Clip, size: tuple[int, int]) -> Clip:
    """Frames (T, H, W, 3) at `size` (width, height), averaged where they shrink."""
    if frames.shape[2:0:-1] == size:
        return frames
    return np.stack([cv2.resize(frame, size, interpolation=cv2.INTER_AREA) for frame in frames]).astype(np.uint8)


def grey(frame: Clip) -> Clip:
    """The luma uint8 (H, W) of a frame (H, W, 3)."""
    return cv2.cvtColor(np.ascontiguousarray(frame), cv2.COLOR_RGB2GRAY).astype(np.uint8)


def as_frames(maps: Clip) -> Clip:
    """Maps uint8 (T, H, W) as grey frames (T, H, W, 3)."""
    return np.repeat(maps[..., None], 3, axis=-1)
