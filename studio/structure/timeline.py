"""When each frame of a source is shown, read from its packets without decoding one; and single frames by number."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.domain.errors import MediaError
from studio.media.clips import picture_seconds, upright_rgb
from studio.media.info import MediaInfo, probe
from studio.media.limits import MAX_FRAMES, MAX_SECONDS
from studio.media.open_clip import AGAIN, opened, video_stream
from studio.media.pictures import picture_file, rgb
from studio.media.sniff import PICTURES, media_container
from studio.media.timing import is_uniform

Picture = NDArray[np.uint8]
_SEEK_FRAMES = 48
"""Frames to skip from which on jumping to a key frame is worth it."""


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """times: when each frame begins, seconds from the first. seconds: of all; 0 for a picture. fps: the average rate.

    info: what the file is. is_variable: frames do not stand at a constant rate.
    """

    info: MediaInfo
    times: tuple[float, ...]
    seconds: float
    fps: float
    is_variable: bool

    def shown_at(self, time: float) -> int:
        """The number of the frame that is shown at a time; before the first one that, after the last one that."""
        return max(0, bisect.bisect_right(self.times, time + 1e-6) - 1)


def timeline(path: Path) -> Timeline:
    """The times of a source. Raises MediaError where it is no picture or clip, damaged, or over the limits."""
    info = probe(path)
    if info.kind == "image":
        return Timeline(info=info, times=(0.0,), seconds=0.0, fps=1.0, is_variable=False)
    times, end = _picture_times(path) if info.container in PICTURES else _packet_times(path, info)
    seconds = min(end, MAX_SECONDS)
    fps = len(times) / seconds if seconds > 0 else info.fps
    return Timeline(info=info, times=times, seconds=seconds, fps=fps, is_variable=not is_uniform(times, info.fps))


def _picture_times(path: Path) -> tuple[tuple[float, ...], float]:
    with picture_file(path, media_container(path)) as image:
        ends: list[float] = []
        for index in itertools.count():
            try:
                image.seek(index)
            except EOFError:
                break
            image.load()
            ends.append((ends[-1] if ends else 0.0) + picture_seconds(image.info.get("duration")))
    return (0.0, *ends[:-1]), ends[-1]


def _packet_times(path: Path, info: MediaInfo) -> tuple[tuple[float, ...], float]:
    with opened(path, media_container(path)) as container:
        stream = video_stream(container, path.name)
        packets = itertools.islice(container.demux(stream), MAX_FRAMES + 2)
        shown = [packet for packet in packets if packet.size > 0 and not packet.is_discard]
        known = sorted(float(p.pts * stream.time_base) for p in shown if p.pts is not None)
    if not shown:
        raise MediaError(f"{path.name} holds no readable frames.", AGAIN)
    tick = 1.0 / info.fps
    if len(known) < len(shown):  # some avi files stamp nothing
        known = [index * tick for index in range(len(shown))]
    return tuple(time - known[0] for time in known), known[-1] - known[0] + tick


def frames_at(path: Path, line: Timeline, wanted: Sequence[int]) -> Iterator[tuple[int, Picture]]:
    """The frames of the given numbers, ascending and each once, as (number, uint8 (H, W, 3)), one in memory at a time.

    Upright, transparency over grey. Raises MediaError where the file breaks off before the last of them.
    """
    numbers = sorted(set(wanted))
    made = _pictures(path, numbers) if line.info.container in PICTURES else _video(path, line, numbers)
    last = -1
    for last, picture in made:
        yield last, picture
    if last != numbers[-1]:
        message = f"{path.name} breaks off before frame {numbers[-1] + 1} of {len(line.times)}."
        raise MediaError(message, AGAIN)


def _pictures(path: Path, numbers: Sequence[int]) -> Iterator[tuple[int, Picture]]:
    with picture_file(path, media_container(path)) as image:
        for number in range(numbers[-1] + 1):
            if number:
                image.seek(number)
            picture = rgb(image)
            if number in numbers:
                yield number, picture


def _video(path: Path, line: Timeline, numbers: Sequence[int]) -> Iterator[tuple[int, Picture]]:
    left = list(numbers)
    with opened(path, media_container(path)) as container:
        stream = video_stream(container, path.name)
        start = _start(stream)
        if left[0] > _SEEK_FRAMES and start is not None:
            container.seek(int((line.times[left[0]] + start) / stream.time_base), stream=stream, backward=True)
        for count, frame in enumerate(container.decode(stream)):
            number = _number(line, frame, start, count)
            if frame.is_corrupt:
                raise MediaError(f"{path.name} is damaged at frame {number + 1}.", AGAIN)
            picture = None
            while left and left[0] <= number:
                picture = upright_rgb(frame) if picture is None else picture
                yield left.pop(0), picture
            if not left:
                return


def _start(stream: Any) -> float | None:
    """When the first frame begins in the file's own time; None where its frames are not stamped."""
    return None if stream.start_time is None else float(stream.start_time * stream.time_base)


def _number(line: Timeline, frame: Any, start: float | None, count: int) -> int:
    """Which frame this is: by its time where it has one, else by counting."""
    if frame.time is None or start is None:
        return count
    return line.shown_at(float(frame.time) - start)
