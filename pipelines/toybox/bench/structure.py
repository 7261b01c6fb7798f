"""How well a model follows structure, one control at a time and several at once, beside what it is compared with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from pipelines.toybox.bench import pictures
from pipelines.toybox.bench.controls import CONTROLS, Control, Found, Instruments, Parts
from pipelines.toybox.bench.run import EXAMPLES, Compared, Example, Make, Results, Scenes, make_all, means, shown
from pipelines.toybox.bench.scenes import Case, has_figure
from pipelines.toybox.judge import Clips


def _together(*names: str) -> Callable[[Case], Parts]:
    """The conditioning of several controls in one request."""

    def parts(case: Case) -> Parts:
        return {part: clip for name in names for part, clip in CONTROLS[name].parts(case).items()}

    return parts


def _depth_and_joints(case: Case, clip: Clips, tools: Instruments) -> Found:
    errors = pictures.depth_errors(tools.nearness(clip), case.depth)
    return {**errors, **CONTROLS["skeleton"].measure(case, clip, tools)}


def _edges_start_and_camera(case: Case, clip: Clips, tools: Instruments) -> Found:
    measures = ("edges", "first frame", "previz")
    return {key: value for name in measures for key, value in CONTROLS[name].measure(case, clip, tools).items()}


MEASURED: Mapping[str, Control] = MappingProxyType({
    **{name: CONTROLS[name] for name in ("previz", "skeleton", "edges", "mask")},
    "depth and pose": Control(
        name="depth and pose",
        needs=frozenset({"control_clip"}),
        scenes=has_figure,
        parts=_together("previz", "skeleton"),
        measure=_depth_and_joints,
    ),
    "edges, start picture and camera": Control(
        name="edges, start picture and camera",
        needs=frozenset({"control_clip", "start_image"}),
        parts=_together("previz", "edges", "first frame"),
        measure=_edges_start_and_camera,
    ),
})
"""What is measured; the last two ask for several things at once, the camera path as the depth of its previz."""


def measure_structure(
    make: Make, scenes: Scenes, tools: Instruments, takes: frozenset[str], say: Callable[[str], None]
) -> Results:
    """Every figure by "control.figure": own control, another scene's, none, and true renders plain and after the codec.
    """
    results = Results()
    alone: dict[tuple[str, int], Clips] = {}
    for control in MEASURED.values():
        if control.needs <= takes:
            say(f"{control.name}: {len(scenes.cases(control))} scenes")
            _measure(make, scenes, control, tools, results, alone)
    return results


def _measure(
    make: Make, scenes: Scenes, control: Control, tools: Instruments, results: Results,
    alone: dict[tuple[str, int], Clips],
) -> None:
    cases, made = scenes.cases(control), make_all(make, scenes, control, alone)
    shows = {
        "value": made.own, "shuffled": made.swapped, "without": made.plain,
        "true": [[case.frames] for case in cases], "codec": [[scenes.decoded(case)] for case in cases],
    }
    found = {
        kind: means([control.measure(case, clip, tools) for case, row in zip(cases, rows, strict=True) for clip in row])
        for kind, rows in shows.items()
    }
    for name in found["value"]:
        each = {kind: figures.get(name) for kind, figures in found.items()}
        results.figures[f"{control.name}.{name}"] = Compared(**each)
    results.examples[control.name] = [
        Example(shown(part), row[0], case.frames, control.prompt(case))
        for case, part, row in list(zip(cases, made.parts, made.own, strict=True))[:EXAMPLES]
    ]

