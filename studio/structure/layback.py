"""A finished clip laid over the source it was made of: the source's own length, size and rate, one frame in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import cv2
import numpy as np

from pipelines.conditioning.masks import put_back
from pipelines.domain.errors import MediaError
from pipelines.domain.frames import Frames
from studio.structure.conforming import Plan
from studio.structure.timeline import Picture, Timeline, frames_at

OnShare = Callable[[float], None]


def laid_back(made: Plan, result: Frames, mask: Frames | None, on_share: OnShare) -> Iterator[Picture]:
    """Every frame of the source of a plan, with the result where it shows that part at that time.

    mask: white where the result was made anew, on the plan's grid; outside of it the source stays as it is. Where the
    frame shows the whole source between bars, the bars are cut off. Raises MediaError where the result is another's.
    """
    target = made.target
    if (result.width, result.height, len(result)) != (target.width, target.height, target.num_frames):
        told = f"{len(result)} frames of {result.width} × {result.height}"
        message = f"The clip has {told}, not what was taken from the source."
        raise MediaError(message, "Lay back the clip that was made of this source.")
    ticks = _ticks(made.line)
    for place, picture in enumerate(_all_frames(made)):
        on_share(place / len(ticks))
        index = _frame_of(made, ticks[place])
        if index is None:
            yield picture
        else:
            yield _laid(made, picture, result.pixels[index], None if mask is None else mask.pixels[index % len(mask)])


def _ticks(line: Timeline) -> list[float]:
    """When each frame of the outcome is shown: a constant rate over the source's length."""
    if line.info.kind == "image":
        return [0.0]
    return [(place + 0.5) / line.fps for place in range(max(1, round(line.seconds * line.fps)))]


def _all_frames(made: Plan) -> Iterator[Picture]:
    """The source's frames at its average rate."""
    wanted = [made.line.shown_at(tick) for tick in _ticks(made.line)]
    pictures = frames_at(made.path, made.line, wanted)
    number, picture = next(pictures)
    for want in wanted:
        while number < want:
            number, picture = next(pictures)
        yield picture


def _frame_of(made: Plan, time: float) -> int | None:
    """Which frame of the clip shows this time of the source; None outside of the part that was used."""
    start, end = made.report.start_seconds, made.report.end_seconds
    if made.line.info.kind == "image":
        return 0
    if not start <= time < end:
        return None
    count = made.target.num_frames
    step = (end - start) / count if made.cut.pace == "spread" else 1.0 / made.target.fps
    index = int((time - start) / step)
    return index if index < count else None


def _laid(made: Plan, picture: Picture, result: Picture, mask: Picture | None) -> Picture:
    rows, columns = picture.shape[:2]
    if made.cut.framing.mode == "fit":
        left, top, right, bottom = 0, 0, columns, rows
        inner = _inside_bars(made)
        result, mask = result[inner], None if mask is None else mask[inner]
    else:
        left, top, right, bottom = (round(value) for value in made.report.box)
    size = (right - left, bottom - top)
    over = cv2.resize(result, size, interpolation=cv2.INTER_CUBIC).astype(np.uint8)
    if mask is not None:
        white = cv2.resize(mask.mean(axis=-1).astype(np.float32), size, interpolation=cv2.INTER_LINEAR) > 127.5
        over = put_back(over[None], np.ascontiguousarray(picture[None, top:bottom, left:right]), white[None])[0]
    outcome = picture.copy()
    outcome[top:bottom, left:right] = over
    return outcome


def _inside_bars(made: Plan) -> tuple[slice, slice]:
    """The rows and columns of the frame that show the source, as `studio.media.fitting` puts them."""
    info, target = made.line.info, made.target
    scale = min(target.width / info.width, target.height / info.height)
    wide, high = max(1, round(info.width * scale)), max(1, round(info.height * scale))
    left, top = (target.width - wide) // 2, (target.height - high) // 2
    return slice(top, top + high), slice(left, left + wide)
