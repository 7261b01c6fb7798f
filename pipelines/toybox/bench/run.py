"""One model through the whole benchmark: text, then every control that it takes, beside what they are compared with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from pipelines.toybox.bench import pictures, text
from pipelines.toybox.bench.controls import CONTROLS, Control, Found, Instruments, Parts
from pipelines.toybox.bench.quality import frechet, principal
from pipelines.toybox.bench.scenes import Case, Shape, draw_cases
from pipelines.toybox.judge import Clips, facts
from pipelines.toybox.sampling import Mixture
from pipelines.toybox.scene import Scene
from pipelines.toybox.train_judge import round_trip

DIRECTIONS = 16
TEXT, CONTROLLED, OTHERS = 0, 1, 2
EXAMPLES = 3


class Make(Protocol):
    """A model as a person uses it: words, a seed and conditioning with its media give frames."""

    def __call__(self, prompt: str, seed: int, parts: Parts) -> Clips:
        """uint8 (T, H, W, 3)."""


@dataclass(frozen=True, kw_only=True)
class Size:
    """How much is measured. compared_seeds: seeds of the clips with another scene's control, and with none.

    others: true renders of other scenes, for the floors and the Frechet distance.
    """

    text_scenes: int = 24
    control_scenes: int = 8
    others: int = 40
    seeds: int = 3
    compared_seeds: int = 1


@dataclass(frozen=True, kw_only=True)
class Compared:
    """A figure and what it is held against: the same of true renders, of these after the model's codec, with another
    scene's control, and without it. None where that is not defined."""

    value: float
    true: float | None = None
    codec: float | None = None
    shuffled: float | None = None
    without: float | None = None


@dataclass(frozen=True)
class Example:
    """Rows of a contact sheet: what was asked (frames or None), what came out, what is true; and the words."""

    asked: Clips | None
    obtained: Clips
    truth: Clips
    words: str


@dataclass
class Results:
    """Everything found about one model: figures by "control.figure" or "text.attribute", and examples by control."""

    figures: dict[str, Compared] = field(default_factory=dict)
    examples: dict[str, list[Example]] = field(default_factory=dict)


class Scenes:
    """The scenes that controls are measured on and their true renders, made once and used for every model."""

    def __init__(self, mixture: Mixture, shape: Shape, size: Size, codec: Path) -> None:
        self.mixture, self.shape, self.size, self.codec = mixture, shape, size, codec
        self._chosen: dict[Callable[[Scene], bool], list[Case]] = {}
        self._decoded: dict[int, Clips] = {}

    def cases(self, control: Control) -> list[Case]:
        """The scenes a control is measured on."""
        if control.scenes not in self._chosen:
            count = self.size.control_scenes
            self._chosen[control.scenes] = draw_cases(self.mixture, self.shape, count, control.scenes, CONTROLLED)
        return self._chosen[control.scenes]

    def decoded(self, case: Case) -> Clips:
        """A true render after the codec."""
        if id(case) not in self._decoded:
            self._decoded[id(case)] = round_trip(self.codec, case.frames[None])[0]
        return self._decoded[id(case)]


class World(Scenes):
    """All scenes of the benchmark, and what reads clips."""

    def __init__(self, mixture: Mixture, shape: Shape, size: Size, tools: Instruments, codec: Path) -> None:
        super().__init__(mixture, shape, size, codec)
        self.tools = tools
        self.told = draw_cases(mixture, shape, size.text_scenes, series=TEXT)
        self.others = draw_cases(mixture, shape, size.others, series=OTHERS)


def measure_model(make: Make, world: World, takes: frozenset[str], say: Callable[[str], None]) -> Results:
    """Everything about one model; `takes` are the kinds of conditioning it accepts."""
    results = Results()
    _text(make, world, results, say)
    alone: dict[tuple[str, int], Clips] = {}
    for control in CONTROLS.values():
        if control.needs <= takes:
            say(f"{control.name}: {len(world.cases(control))} scenes")
            _control(make, world, control, results, alone)
    return results


def measure_floors(world: World, results: Results) -> Results:
    """The same results with the figures of true renders, plain and after the codec, beside them."""
    beside = {"true": _floors(world, lambda case: case.frames), "codec": _floors(world, world.decoded)}
    figures = {
        name: Compared(value=found.value, shuffled=found.shuffled, without=found.without,
                       **{kind: floor.get(name) for kind, floor in beside.items()})
        for name, found in results.figures.items()
    }
    psnrs = [pictures.psnr(world.decoded(case), case.frames) for case in world.told]
    return Results(figures | {"codec.psnr": Compared(value=float(np.mean(psnrs)))}, results.examples)


def _text(make: Make, world: World, results: Results, say: Callable[[str], None]) -> None:
    clips, asked = [], []
    for case in world.told:
        for seed in range(world.size.seeds):
            clips.append(make(case.caption, seed, {}))
            asked.append(facts(case.scene))
        say(f"text: {len(clips)} of {len(world.told) * world.size.seeds}")
    made = np.stack(clips)
    figures = _clip_figures(world, made, asked)
    others = [*asked[world.size.seeds :], *asked[: world.size.seeds]]
    strangers = text.shares(others, world.tools.judge.read(made))
    for name, value in figures.items():
        results.figures[name] = Compared(value=value, shuffled=strangers.get(name.removeprefix("text.")))
    firsts = made[:: world.size.seeds]
    results.examples["text"] = [
        Example(None, clip, case.frames, case.caption) for clip, case in zip(firsts, world.told[:8], strict=False)
    ]


def _clip_figures(world: World, clips: Clips, asked: Sequence[Mapping[str, str]]) -> dict[str, float]:
    """What can be said of any clips that should show these facts."""
    judge = world.tools.judge
    found = {f"text.{name}": share for name, share in text.shares(asked, judge.read(clips)).items()}
    features, others = judge.describe(clips), judge.describe(np.stack([case.frames for case in world.others]))
    mean, directions = principal(others, min(DIRECTIONS, len(others) - 1))
    distance = frechet((features - mean) @ directions, (others - mean) @ directions)
    jumps = float(np.mean([pictures.flicker(clip) for clip in clips]))
    return found | {"clips.frechet": distance, "clips.flicker": jumps}


def _floors(world: World, show: Callable[[Case], Clips]) -> dict[str, float]:
    """Every figure of clips that are as right as they can be."""
    told = [facts(case.scene) for case in world.told]
    floors = _clip_figures(world, np.stack([show(case) for case in world.told]), told)
    everyone = [*world.told, *world.others]
    read = world.tools.judge.read(np.stack([show(case) for case in everyone]))
    shares = text.shares([facts(case.scene) for case in everyone], read)
    floors |= {f"text.{name}": share for name, share in shares.items()}
    for control in CONTROLS.values():
        found = [control.measure(case, show(case), world.tools) for case in world.cases(control)]
        floors |= {f"{control.name}.{name}": value for name, value in means(found).items()}
    return floors


@dataclass(frozen=True, kw_only=True)
class Made:
    """What a model made of each scene (outer lists) with each seed: with its own control, another scene's, and none."""

    parts: Sequence[Parts]
    own: Sequence[Sequence[Clips]]
    swapped: Sequence[Sequence[Clips]]
    plain: Sequence[Sequence[Clips]]


def make_all(make: Make, scenes: Scenes, control: Control, alone: dict[tuple[str, int], Clips]) -> Made:
    """Every clip that a control is judged by. alone: clips from words only, by prompt and seed, kept between calls."""
    cases, size = scenes.cases(control), scenes.size
    parts = [control.parts(case) for case in cases]
    swapped, plain = [], []
    own = [[make(control.prompt(case), seed, part) for seed in range(size.seeds)]
           for case, part in zip(cases, parts, strict=True)]
    for place, case in enumerate(cases):
        prompt, other = control.prompt(case), parts[partner(cases, place)]
        swapped.append([make(prompt, seed, other) for seed in range(size.compared_seeds)])
        for seed in range(size.compared_seeds):
            if (prompt, seed) not in alone:
                alone[prompt, seed] = make(prompt, seed, {})
        plain.append([alone[prompt, seed] for seed in range(size.compared_seeds)])
    return Made(parts=parts, own=own, swapped=swapped, plain=plain)


def _control(
    make: Make, world: World, control: Control, results: Results, alone: dict[tuple[str, int], Clips]
) -> None:
    cases, made = world.cases(control), make_all(make, world, control, alone)
    value, shuffled, without = (
        means([control.measure(case, clip, world.tools)
                for case, row in zip(cases, rows, strict=True) for clip in row])
        for rows in (made.own, made.swapped, made.plain)
    )
    for name, mean in value.items():
        results.figures[f"{control.name}.{name}"] = Compared(
            value=mean, shuffled=shuffled.get(name), without=without.get(name)
        )
    results.examples[control.name] = [
        Example(shown(part), row[0], case.frames, control.prompt(case))
        for case, part, row in list(zip(cases, made.parts, made.own, strict=True))[:EXAMPLES]
    ]


def partner(cases: Sequence[Case], place: int) -> int:
    """The next scene with another camera move and, where there are figures, another action; else just the next."""
    here = facts(cases[place].scene)
    order = [(place + step) % len(cases) for step in range(1, len(cases))]
    for other in order:
        there = facts(cases[other].scene)
        figure = here["action"] == there["action"] and here["action"] != "none"
        thing = (here["colour"], here["shape"]) == (there["colour"], there["shape"])
        if here["camera"] != there["camera"] and not figure and not thing:
            return other
    return order[0] if order else place


def shown(parts: Parts) -> Clips:
    """What a person gave, as frames: a clip with its masked pixels white, pictures side by side in time."""
    clips = list(parts.values())
    same = len(clips) == 2 and clips[0].shape == clips[1].shape and len(clips[0]) > 1
    return np.where(clips[1] > 127, np.uint8(255), clips[0]) if same else np.concatenate(clips)


def means(found: Sequence[Found]) -> dict[str, float]:
    """The mean of each figure over the clips that have it."""
    names = dict.fromkeys(name for each in found for name in each)
    values = {name: [each[name] for each in found if each.get(name) is not None] for name in names}
    return {name: float(np.mean(each)) for name, each in values.items() if each}
