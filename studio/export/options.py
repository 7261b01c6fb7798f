"""What a person chooses for an export, and everything that can be wrong with it, told at once."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from pipelines.domain.errors import InvalidRequest, Problem
from studio.export.pictures import ExportFormat
from studio.export.schedule import Schedule, length
from studio.media.info import MediaInfo
from studio.media.limits import MAX_FRAMES

MAX_REPEATS = 100
MAX_SIDE = 8192
"""Pixels per side: what hardware decoders play."""
MIN_SCALE, MAX_SCALE = 0.05, 8.0


@dataclass(frozen=True, kw_only=True)
class ExportOptions:
    """How a clip is exported.

    format: the id of one of FORMATS; None takes it from the target's ending.
    start, end: frames of the source from `start` up to and without `end` (None: to the end).
    loop: "none" once; "loop" `repeats` times; "boomerang" forth and back `repeats` times, with no
        doubled turning frames.
    scale: a factor, or (width, height) in pixels to stretch to; None keeps the size.
    fps: frames per second to resample to (nearest frames, the duration stays); None keeps the rate.
    """

    format: str | None = None
    start: int = 0
    end: int | None = None
    loop: Literal["none", "loop", "boomerang"] = "none"
    repeats: int = 1
    scale: float | tuple[int, int] | None = None
    fps: float | None = None

    def __post_init__(self) -> None:
        """Options often come as JSON: a pair may be a list. Raises TypeError on values of other types."""
        if isinstance(self.scale, list):
            object.__setattr__(self, "scale", tuple(self.scale))
        pair = self.scale if isinstance(self.scale, tuple) else (1, 1)
        whole = (self.start, 0 if self.end is None else self.end, self.repeats, *pair)
        numbers = (1 if self.fps is None else self.fps, 1 if self.scale is None or pair is self.scale else self.scale)
        if len(pair) != 2 or not all(type(value) is int for value in whole):
            raise TypeError("start, end, repeats and a size in pixels are whole numbers")
        if not all(type(value) in (int, float) for value in numbers):
            raise TypeError("fps and a scale are numbers")

    def size(self, width: int, height: int) -> tuple[int, int]:
        """The asked size of a picture of width x height."""
        if self.scale is None:
            return width, height
        if isinstance(self.scale, tuple):
            return self.scale
        return max(1, math.floor(width * self.scale + 0.5)), max(1, math.floor(height * self.scale + 0.5))


def parse_scale(text: str) -> float | tuple[int, int]:
    """A scale as people type it: `0.5`, `50%` or `640x360`. Raises InvalidRequest."""
    pair = re.fullmatch(r"\s*(\d{1,5})\s*[xX×]\s*(\d{1,5})\s*", text)
    if pair:
        return int(pair[1]), int(pair[2])
    number = re.fullmatch(r"\s*(\d{1,4}(?:\.\d{1,6})?|\.\d{1,6})\s*(%?)\s*", text)
    if number:
        return float(number[1]) / (100 if number[2] else 1)
    message = f"{text[:40]!r} is no scale."
    raise InvalidRequest((Problem(field="scale", message=message, hint="Write 0.5, 50% or 640x360."),))


def check(options: ExportOptions, info: MediaInfo, num_frames: int, chosen: ExportFormat) -> None:
    """Raises InvalidRequest with every problem of these options for a clip of `num_frames` frames."""
    problems = [
        *_range_problems(options, num_frames),
        *_repeat_problems(options),
        *_scale_problems(options, info, chosen),
        *_fps_problems(options, info, chosen),
    ]
    if not problems:
        problems.extend(_length_problems(options, num_frames, info.fps))
    if problems:
        raise InvalidRequest(tuple(problems))


def _range_problems(options: ExportOptions, num_frames: int) -> Iterator[Problem]:
    end = num_frames if options.end is None else options.end
    if not 0 <= options.start < end <= num_frames:
        message = f"Frames {options.start} to {end} are no part of this clip, which has frames 0 to {num_frames}."
        hint = "The start is included, the end is not: 0 to 8 are the first eight frames."
        yield Problem(field="range", message=message, hint=hint)


def _repeat_problems(options: ExportOptions) -> Iterator[Problem]:
    if options.loop not in ("none", "loop", "boomerang"):
        yield Problem(field="loop", message=f"{options.loop!r} is no loop.", hint="Use none, loop or boomerang.")
    if not 1 <= options.repeats <= MAX_REPEATS:
        message = f"{options.repeats} repeats are outside 1 to {MAX_REPEATS}."
        yield Problem(field="repeats", message=message, hint="Players can loop a file by themselves, too.")


def _scale_problems(options: ExportOptions, info: MediaInfo, chosen: ExportFormat) -> Iterator[Problem]:
    if isinstance(options.scale, int | float) and not MIN_SCALE <= options.scale <= MAX_SCALE:
        message = f"The scale {options.scale:g} is outside {MIN_SCALE:g} to {MAX_SCALE:g}."
        yield Problem(field="scale", message=message, hint="1 keeps the size; 640x360 sets it in pixels.")
        return
    width, height = options.size(info.width, info.height)
    if not (chosen.min_side <= min(width, height) and max(width, height) <= MAX_SIDE):
        message = f"{width}x{height} does not fit {chosen.title}: sides have {chosen.min_side} to {MAX_SIDE} pixels."
        yield Problem(field="scale", message=message, hint="Choose another scale.")


def _fps_problems(options: ExportOptions, info: MediaInfo, chosen: ExportFormat) -> Iterator[Problem]:
    fps = info.fps if options.fps is None else options.fps
    if not (math.isfinite(fps) and fps > 0):
        yield Problem(field="fps", message=f"{fps:g} frames per second is no rate.", hint="24 is the cinema's.")
    elif not 0.1 <= fps <= chosen.max_fps:
        message = f"{chosen.title} plays 0.1 to {chosen.max_fps:g} frames per second, not {fps:g}."
        yield Problem(field="fps", message=message, hint=f"Set fps to {chosen.max_fps:g} or lower.")


def _length_problems(options: ExportOptions, num_frames: int, fps: float) -> Iterator[Problem]:
    total = length(Schedule.of(num_frames, fps, options))
    if total > MAX_FRAMES:
        message = f"That makes {total:,} frames; {MAX_FRAMES:,} are the most."
        yield Problem(field="repeats", message=message, hint="Use fewer repeats, a lower fps or a shorter range.")
