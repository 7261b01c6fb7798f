"""A plan: moves one after the other and at once, and the editable keys that they become."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from pipelines.domain.camera.moves import Asked, Move
from pipelines.domain.camera.path import EASINGS, CameraPath, Easing
from pipelines.domain.camera.rig import START, Rig, Start, key_at
from pipelines.domain.errors import InvalidRequest, Problem

MAX_PARTS = 12
MAX_STEPS = 6
_MIXED_SEGMENTS = 8
_CURVE_POINTS = 6


@dataclass(frozen=True, kw_only=True)
class Step:
    """One move of a plan. direction: "" where the move has none. seed: of handheld."""

    move: Move
    direction: str = ""
    amount: float = 0.0
    easing: Easing = "constant"
    seed: int = 0


Plan = tuple[tuple[Step, ...], ...]
"""Parts one after the other, of equal duration; the steps of a part run at once."""


def build(plan: Plan, start: Start = START) -> CameraPath:
    """The path of a plan, its first key at `start`.

    Raises InvalidRequest where a plan is empty or too long, or the camera would run into what it looks at.
    """
    if not 1 <= len(plan) <= MAX_PARTS or not all(1 <= len(part) <= MAX_STEPS for part in plan):
        message = f"A camera move has 1 to {MAX_PARTS} parts of 1 to {MAX_STEPS} moves each."
        raise InvalidRequest((Problem(field="camera", message=message, hint="Split or shorten it."),))
    keys, before = [key_at(start, Rig(), 0.0)], Rig()
    speed = [(0.0, 0.0)]
    for number, part in enumerate(plan):
        moments, easing = _moments(part)
        reached = before
        for moment in moments:
            reached = before
            for step in part:
                reached = reached.plus(_moved(step, moment))
            keys[-1] = replace(keys[-1], easing=easing if len(moments) == 1 else "constant")
            keys.append(key_at(start, reached, (number + moment.time) / len(plan)))
        before = reached
        curve = _eased_points("constant" if len(moments) == 1 else easing)
        speed += [((number + time) / len(plan), (number + progress) / len(plan)) for time, progress in curve]
    return CameraPath(keys=tuple(keys), speed=_without_straights(speed))


@dataclass(frozen=True, kw_only=True)
class _Moment:
    """A key of a part: when it is (0..1), and how far the part has come by then, None where its moves ease apart."""

    time: float
    progress: float | None
    number: int


def _moments(part: tuple[Step, ...]) -> tuple[list[_Moment], Easing]:
    """The keys of a part after its first, and the easing that all of its moves share.

    A single segment carries that easing itself, several leave it to the speed curve. Moves that ease apart share none:
    their keys stand where the moves are at even times.
    """
    easings: list[Easing] = sorted({step.easing for step in part if not step.move.is_steady})
    count = max(step.move.segments(step.amount) for step in part)
    apart = len(easings) > 1
    if apart:
        count = max(2 * count, _MIXED_SEGMENTS)
    evenly = [_Moment(time=n / count, progress=None if apart else n / count, number=n) for n in range(1, count + 1)]
    return evenly, easings[0] if len(easings) == 1 else "constant"


def _eased_points(easing: Easing) -> list[tuple[float, float]]:
    """Points (time, progress) after (0, 0) of a speed curve that eases like this."""
    if easing == "constant":
        return [(1.0, 1.0)]
    times = np.arange(1, _CURVE_POINTS + 1) / _CURVE_POINTS
    return [(float(time), float(progress)) for time, progress in zip(times, EASINGS[easing](times), strict=True)]


def _without_straights(points: list[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    """The points of a curve that bends nowhere are its two ends."""
    return ((0.0, 0.0), (1.0, 1.0)) if all(time == progress for time, progress in points) else tuple(points)


def _moved(step: Step, moment: _Moment) -> Rig:
    progress = moment.progress
    if progress is None:
        progress = float(EASINGS[step.easing](np.array([moment.time]))[0])
    asked = Asked(direction=step.direction, amount=step.amount, progress=progress, seed=step.seed, number=moment.number)
    return step.move.moved(asked)
