"""Optical flow as colours: DIS (Kroeger et al., 2016) drawn on the wheel of Baker et al. (2011), still parts white.

The hue is the direction, the saturation the speed as a share of the fastest motion of the whole clip. The last frame
repeats the one before, as flow leads to a next frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.conditioning.extractors import BodyPart, Clip, OnShare, Options, Structure
from pipelines.conditioning.extractors.filters import grey, sized
from pipelines.domain.conditioning import ControlKind
from pipelines.domain.errors import GimbalError

STILL_PIXELS = 0.05
"""A clip whose fastest motion is slower than this, pixels per frame, counts as still."""
_HUES = (15, 6, 4, 11, 13, 6)
"""Steps of the wheel from red over yellow, green, cyan, blue and magenta back to red."""


def between(first: Clip, second: Clip) -> NDArray[np.float32]:
    """The motion (H, W, 2) in pixels from one grey picture (H, W) to the next; small pictures are enlarged for it."""
    height, width = first.shape
    scale = max(1.0, 256.0 / min(height, width))
    size = (round(width * scale), round(height * scale))
    large = [cv2.resize(each, size, interpolation=cv2.INTER_CUBIC) for each in (first, second)]
    dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    found = dis.calc(large[0], large[1], np.zeros((size[1], size[0], 2), np.float32))
    return (cv2.resize(found, (width, height), interpolation=cv2.INTER_AREA) / scale).astype(np.float32)


def wheel() -> NDArray[np.float32]:
    """The colours (55, 3) of the wheel in 0..255."""
    ends = np.array([[255, 0, 0], [255, 255, 0], [0, 255, 0], [0, 255, 255], [0, 0, 255], [255, 0, 255]], np.float32)
    ways = zip(ends, np.roll(ends, -1, axis=0), _HUES, strict=True)
    steps = [start + (end - start) * (np.arange(count) / count)[:, None] for start, end, count in ways]
    return np.concatenate(steps).astype(np.float32)


def coloured(motion: NDArray[np.float32]) -> Clip:
    """Motion (T, H, W, 2) as frames uint8 (T, H, W, 3)."""
    speed = np.linalg.norm(motion, axis=-1)
    fastest = max(float(np.quantile(speed, 0.999)), STILL_PIXELS)
    colours = wheel()
    place = (np.arctan2(-motion[..., 1], -motion[..., 0]) / np.pi + 1.0) / 2.0 * (len(colours) - 1)
    low = np.floor(place).astype(int)
    part = (place - low)[..., None]
    hue = (1.0 - part) * colours[low] + part * colours[(low + 1) % len(colours)]
    share = (speed / fastest).clip(0.0, 1.0)[..., None]
    return (255.0 - share * (255.0 - hue)).round().astype(np.uint8)


class Flow:
    """Dense optical flow of neighbouring frames."""

    id, title, why_not = "dis-flow", "Optical flow", ""
    gives: ClassVar[tuple[BodyPart, ...]] = ()
    most_people: ClassVar[int] = 0
    control: ClassVar[ControlKind] = "flow"

    def extract(self, frames: Clip, size: tuple[int, int], options: Options, on_share: OnShare) -> Structure:
        """Raises GimbalError for a single frame."""
        if len(frames) < 2:
            raise GimbalError("Flow is what moves between frames; this is one picture.", "Choose a clip, or depth.")
        greys = [grey(frame) for frame in sized(frames, size)]
        motion = np.empty((len(greys), size[1], size[0], 2), np.float32)
        for place, (first, second) in enumerate(zip(greys[:-1], greys[1:], strict=True)):
            on_share(place / len(greys))
            motion[place] = between(first, second)
        motion[-1] = motion[-2]
        still = float(np.quantile(np.linalg.norm(motion, axis=-1), 0.999)) < STILL_PIXELS
        notes = ("Nothing moves in this clip, so its flow says nothing.",) if still else ()
        return Structure(pixels=coloured(motion), estimator=self.id, notes=notes)


def extractors(added: Sequence[Path]) -> tuple[Flow, ...]:
    return (Flow(),)
