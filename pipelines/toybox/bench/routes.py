"""How well a model follows camera paths, by each route they can be given on, beside its floors and baselines."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from pipelines.toybox.bench.controls import CONTROLS, Control
from pipelines.toybox.bench.readings import ESTIMATORS, Reading
from pipelines.toybox.bench.run import Example, Made, Make, Scenes, make_all, partner, shown
from pipelines.toybox.bench.scenes import Case
from pipelines.toybox.judge import Clips

ROUTES = ("previz", "warp")
"""Controls that carry a camera path: rendered depth, and a picture warped along the path."""
EXAMPLES = 8
Shown = tuple[Case, Case, Clips]


@dataclass(frozen=True, kw_only=True)
class Errors:
    """Mean errors of the clips that could be measured, and the share of those that could not.

    rotation: degrees per frame, translation: share of the path; None where no clip has one. by_move: rotation and
    translation by the kind of move.
    """

    clips: int
    failed: float
    rotation: float | None
    translation: float | None
    by_move: Mapping[str, tuple[float, float | None]]


@dataclass
class RouteResults:
    """errors: by estimator and then by what was measured ("own", "shuffled", "words only", or a floor)."""

    errors: dict[str, dict[str, Errors]] = field(default_factory=dict)
    examples: list[Example] = field(default_factory=list)


def measure_routes(
    make: Make, scenes: Scenes, takes: frozenset[str], estimators: Sequence[str], say: Callable[[str], None]
) -> dict[str, RouteResults]:
    """Every route that a model takes; the floors are measured once and stand beside each."""
    alone: dict[tuple[str, int], Clips] = {}
    floors: dict[str, dict[str, Errors]] = {}
    found = {}
    for name in ROUTES:
        control = CONTROLS[name]
        if control.needs <= takes:
            say(f"{name}: {len(scenes.cases(control))} paths, {scenes.size.seeds} seeds")
            made = make_all(make, scenes, control, alone)
            say(f"{name}: measuring")
            floors = floors or measure_path_floors(scenes, control, estimators)
            found[name] = _route(scenes, control, made, estimators)
            for estimator, errors in floors.items():
                found[name].errors[estimator].update(errors)
    return found


def measure_path_floors(scenes: Scenes, control: Control, estimators: Sequence[str]) -> dict[str, dict[str, Errors]]:
    """The errors of true renders, plain and after the model's codec."""
    cases = scenes.cases(control)
    return {
        name: {
            "true renders": _errors(name, [(case, case, case.frames) for case in cases])[0],
            "after the codec": _errors(name, [(case, case, scenes.decoded(case)) for case in cases])[0],
        }
        for name in estimators
    }


def _route(scenes: Scenes, control: Control, made: Made, estimators: Sequence[str]) -> RouteResults:
    cases = scenes.cases(control)
    others = [cases[partner(cases, place)] for place in range(len(cases))]
    kinds: dict[str, list[Shown]] = {
        "own": _flat(cases, cases, made.own),
        "shuffled": _flat(cases, others, made.swapped),
        "words only": _flat(cases, cases, made.plain),
    }
    results = RouteResults()
    for name in estimators:
        read = {kind: _errors(name, clips) for kind, clips in kinds.items()}
        results.errors[name] = {kind: errors for kind, (errors, _) in read.items()}
        if not results.examples:
            firsts = read["own"][1][:: scenes.size.seeds]
            results.examples = _examples(cases, made, firsts)
    return results


def _flat(cases: Sequence[Case], geometry: Sequence[Case], rows: Sequence[Sequence[Clips]]) -> list[Shown]:
    return [(case, other, clip) for case, other, row in zip(cases, geometry, rows, strict=True) for clip in row]


def _errors(estimator: str, clips: Sequence[Shown]) -> tuple[Errors, list[Reading]]:
    read = [ESTIMATORS[estimator](*each) for each in clips]
    kinds = [asked.scene.camera.kind for asked, _, _ in clips]
    good = [(kind, each) for kind, each in zip(kinds, read, strict=True) if not each.problem]
    moves = dict.fromkeys(kind for kind, _ in good)
    rotation, translation = _means([each for _, each in good]) if good else (None, None)
    errors = Errors(
        clips=len(read),
        failed=1.0 - len(good) / max(1, len(read)),
        rotation=rotation,
        translation=translation,
        by_move={move: _means([each for kind, each in good if kind == move]) for move in moves},
    )
    return errors, read


def _means(read: Sequence[Reading]) -> tuple[float, float | None]:
    ways = [each.translation for each in read if each.translation is not None]
    return float(np.mean([each.rotation for each in read])), float(np.mean(ways)) if ways else None


def _examples(cases: Sequence[Case], made: Made, read: Sequence[Reading]) -> list[Example]:
    return [
        Example(shown(part), row[0], case.frames, f"{case.scene.camera.kind}: {told(each)}")
        for case, part, row, each in list(zip(cases, made.parts, made.own, read, strict=True))[:EXAMPLES]
    ]


def told(read: Reading) -> str:
    """A reading in a few words."""
    if read.problem:
        return f"could not be measured. {read.problem}"
    way = "" if read.translation is None else f", {read.translation:.1%} of the path"
    return f"off by {read.rotation:.2f} degrees/frame{way}"
