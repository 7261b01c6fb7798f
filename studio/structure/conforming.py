"""Bring any source to a model's grid, one frame in memory at a time, and tell what was done."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pipelines.domain.errors import InvalidRequest, Problem
from pipelines.domain.frames import Frames
from studio.media.framing import Framing, framed
from studio.structure.timeline import Picture, Timeline, frames_at, timeline

Pace = Literal["keep", "spread"]
LOOK_SIDE = 512
"""Pixels of the shorter side that estimators are shown where the source has them: small models lose hands in less."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """The grid of a model: pixels, frames, frames per second."""

    width: int
    height: int
    num_frames: int
    fps: float


@dataclass(frozen=True, kw_only=True)
class Cut:
    """What of a source is used, and how it is put into the frame.

    end_seconds: None for as far as it reaches. pace: "keep" plays at the source's own speed and cuts what is too long;
    "spread" lays the whole range over the clip, faster or slower.
    """

    start_seconds: float = 0.0
    end_seconds: float | None = None
    framing: Framing = field(default_factory=Framing)
    pace: Pace = "keep"


@dataclass(frozen=True, kw_only=True)
class Report:
    """What is done to a source. steps and warnings: sentences. box: left, top, right, bottom, pixels of the source.

    start_seconds, end_seconds: the part of the source that is seen in the clip.
    """

    source: dict[str, Any]
    box: tuple[float, float, float, float]
    start_seconds: float
    end_seconds: float
    is_variable: bool
    steps: tuple[str, ...]
    warnings: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return dataclasses.asdict(self)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How a source becomes a clip. picks: for each frame of the clip the number of the source's frame."""

    path: Path
    line: Timeline
    target: Target
    cut: Cut
    picks: tuple[int, ...]
    report: Report


def plan(path: Path, target: Target, cut: Cut | None = None) -> Plan:
    """Decide what is taken of a source; decodes its first frame only. Raises MediaError, InvalidRequest."""
    cut = cut or Cut()
    line = timeline(path)
    _check(path, line, target, cut)
    end = line.seconds if cut.end_seconds is None else min(cut.end_seconds, line.seconds)
    times = _times(line, target, cut, end)
    picks = tuple(line.shown_at(min(time, max(end - 1e-3, cut.start_seconds))) for time in times)
    return Plan(path=path, line=line, target=target, cut=cut, picks=picks, report=_report(line, target, cut, end))


def report(path: Path, target: Target, cut: Cut | None = None) -> Report:
    """What would be done to a source. Raises MediaError, InvalidRequest."""
    return plan(path, target, cut).report


def conformed(made: Plan) -> Frames:
    """The source on the grid."""
    size = (made.target.width, made.target.height)
    return Frames(_picked(made, size), made.target.fps)


def looked_at(made: Plan, side: int = LOOK_SIDE) -> tuple[Picture, NDArray[np.intp]]:
    """What estimators are shown: the distinct frames (N, h, w, 3), and for each frame of the clip which of them it is.

    The same part as in the clip, with up to `side` pixels on the shorter side where the source has them.
    """
    left, top, right, bottom = made.report.box
    width, height = made.target.width, made.target.height
    shorter = max(min(width, height), min(side, round(min(right - left, bottom - top))))
    scale = min(shorter, max(side, 1)) / min(width, height)
    size = (max(8, round(width * scale)), max(8, round(height * scale)))
    distinct, which = np.unique(np.array(made.picks), return_inverse=True)
    pixels = np.empty((len(distinct), size[1], size[0], 3), np.uint8)
    for place, (_, picture) in enumerate(streamed(made, size)):
        pixels[place] = picture
    return pixels, which


def streamed(made: Plan, size: tuple[int, int]) -> Iterator[tuple[int, Picture]]:
    """The distinct source frames of a plan as (number in the source, picture of `size`), one in memory at a time."""
    width, height = size
    for number, picture in frames_at(made.path, made.line, made.picks):
        yield number, framed(_smaller(picture, made, size), made.cut.framing, width, height)


def _picked(made: Plan, size: tuple[int, int]) -> Picture:
    pixels = np.empty((len(made.picks), size[1], size[0], 3), np.uint8)
    picks = np.array(made.picks)
    for number, picture in streamed(made, size):
        pixels[picks == number] = picture
    return pixels


def _smaller(picture: Picture, made: Plan, size: tuple[int, int]) -> Picture:
    """Very large pictures are averaged to twice what is needed first: Lanczos over 4K costs ten times as long."""
    import cv2

    left, top, right, bottom = made.report.box
    shrink = min((right - left) / size[0], (bottom - top) / size[1])
    if shrink < 3.0:
        return picture
    factor = 2.0 / shrink
    rows, columns = picture.shape[:2]
    sides = (max(1, round(columns * factor)), max(1, round(rows * factor)))
    return np.asarray(cv2.resize(picture, sides, interpolation=cv2.INTER_AREA), np.uint8)


def _check(path: Path, line: Timeline, target: Target, cut: Cut) -> None:
    problems = []
    sides = (target.width, target.height, target.num_frames)
    if min(sides) < 1 or max(sides) > 16_384 or not 0 < target.fps < 1000:
        problems.append(Problem(field="size", message="The size, length or rate of the clip makes no sense."))
    end = line.seconds if cut.end_seconds is None else cut.end_seconds
    if not math.isfinite(cut.start_seconds) or not math.isfinite(end) or cut.start_seconds < 0:
        problems.append(Problem(field="source_clip", message="The part of the source is no range of seconds."))
    elif line.info.kind == "clip" and cut.start_seconds >= min(end, line.seconds):
        message = f"{path.name} is {line.seconds:.2f} s long; nothing of it lies after {cut.start_seconds:.2f} s"
        message += "." if cut.end_seconds is None else f" and before {cut.end_seconds:.2f} s."
        problems.append(Problem(field="source_clip", message=message, hint="Begin earlier."))
    if problems:
        raise InvalidRequest(tuple(problems))


def _times(line: Timeline, target: Target, cut: Cut, end: float) -> list[float]:
    """The time in the source that each frame of the clip shows: the middle of its tick."""
    span = end - cut.start_seconds
    step = span / target.num_frames if cut.pace == "spread" else 1.0 / target.fps
    return [cut.start_seconds + (index + 0.5) * step for index in range(target.num_frames)]


def _report(line: Timeline, target: Target, cut: Cut, end: float) -> Report:
    info = line.info
    box = (0.0, 0.0, float(info.width), float(info.height))
    if cut.framing.mode != "fit":
        box = cut.framing.box(info.width, info.height, target.width, target.height)
    wanted = target.num_frames / target.fps
    last = end if cut.pace == "spread" else min(end, cut.start_seconds + wanted)
    source = dataclasses.asdict(info) | {"num_frames": len(line.times), "fps": line.fps, "seconds": line.seconds}
    return Report(
        source=source,
        box=box,
        start_seconds=cut.start_seconds,
        end_seconds=last,
        is_variable=line.is_variable,
        steps=tuple(_steps(line, target, cut, box, last)),
        warnings=tuple(_warnings(line, target, cut, box, end)),
    )


def _steps(line: Timeline, target: Target, cut: Cut, box: tuple[float, ...], last: float) -> Iterator[str]:
    info = line.info
    if info.rotation:
        yield f"Turned upright by {info.rotation}°, as its camera noted."
    if info.has_alpha:
        yield "Its transparent parts lie over grey."
    if info.kind == "image":
        yield f"The picture stands still for {target.num_frames} frames."
    else:
        yield from _steps_in_time(line, target, cut, last)
    wide, high = round(box[2] - box[0]), round(box[3] - box[1])
    if cut.framing.mode == "fit" and wide * target.height != high * target.width:
        yield f"Shown whole between bars: {wide} × {high} in {target.width} × {target.height}."
    elif (wide, high) != (info.width, info.height):
        yield f"Cropped to {wide} × {high} of {info.width} × {info.height}."
    if (wide, high) != (target.width, target.height):
        yield f"Scaled to {target.width} × {target.height}."


def _steps_in_time(line: Timeline, target: Target, cut: Cut, last: float) -> Iterator[str]:
    used = last - cut.start_seconds
    if used < line.seconds - 0.5 / line.fps:
        yield f"{cut.start_seconds:.2f} to {last:.2f} s of {line.seconds:.2f} s are used."
    if line.is_variable:
        yield f"Its rate varies (about {line.fps:.2f} a second); it is evened out by time."
    if cut.pace == "spread" and abs(used - target.num_frames / target.fps) > 0.5 / target.fps:
        yield f"Its {used:.2f} s are played in {target.num_frames / target.fps:.2f} s."
    elif abs(line.fps - target.fps) > 0.01:
        yield f"{line.fps:.2f} to {target.fps:g} frames per second."


def _warnings(line: Timeline, target: Target, cut: Cut, box: tuple[float, ...], end: float) -> Iterator[str]:
    info, wanted = line.info, target.num_frames / target.fps
    have = end - cut.start_seconds
    if info.kind == "clip" and len(line.times) == 1:
        yield "It has one frame only, which stands still for the whole clip."
    elif info.kind == "clip" and cut.pace == "keep" and have < wanted - 0.5 / target.fps:
        yield f"It is {have:.2f} s long and {wanted:.2f} s are needed: its last frame stands still for the rest."
    if (box[2] - box[0]) < 0.75 * target.width:
        yield "It has fewer pixels than the clip and is enlarged."
    if info.kind == "clip" and line.fps < 0.75 * target.fps and cut.pace == "keep":
        yield "It has fewer frames per second than the clip: each is shown more than once."
