"""Which source frames an export shows, in order: range, then loop, then rate. Pure arithmetic."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from studio.media.encode import frame_rate
from studio.media.timing import resampled

if TYPE_CHECKING:
    from studio.export.options import ExportOptions


def plan(num_frames: int, fps: float, options: ExportOptions) -> list[int]:
    """The source index of every frame written, for a clip of `num_frames` frames at `fps`.

    The frames start..end-1 are laid out once, repeated or back and forth, and that sequence is then resampled to
    `options.fps` by time. A boomerang of n frames has 2n - 2 per repeat: played in a loop no frame stands twice.
    """
    schedule = Schedule.of(num_frames, fps, options)
    return [schedule.cycle[i % len(schedule.cycle)] for i in _picked(schedule)]


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """One pass through the source (its indices), how often, and the rates before and after."""

    cycle: tuple[int, ...]
    repeats: int
    source: Fraction
    target: Fraction

    @staticmethod
    def of(num_frames: int, fps: float, options: ExportOptions) -> Schedule:
        once = tuple(range(num_frames))[options.start : options.end]
        back = once[-2:0:-1] if options.loop == "boomerang" else ()
        return Schedule(
            cycle=once + back,
            repeats=1 if options.loop == "none" else options.repeats,
            source=frame_rate(fps),
            target=frame_rate(fps if options.fps is None else options.fps),
        )


def length(schedule: Schedule) -> int:
    """How many frames a schedule makes, without laying it out."""
    ticks = len(schedule.cycle) * schedule.repeats * schedule.target / schedule.source
    return max(1, int(ticks + Fraction(1, 2)))


def _picked(schedule: Schedule) -> list[int]:
    return resampled(len(schedule.cycle) * schedule.repeats, schedule.source, schedule.target)
