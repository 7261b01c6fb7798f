"""How far long clips of the default model drift: extended four times by overlap, and filled between key frames."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines.domain.conditioning import Conditioning, EndImage, ExtendClip, StartImage
from pipelines.domain.errors import GimbalError
from pipelines.domain.frames import Frames
from pipelines.models import device
from pipelines.models.catalog import DEFAULT, Catalog
from pipelines.models.manager import ModelManager
from studio.bench.making import unwatched
from studio.bench.report import Findings, Measure
from studio.bench.toybox import JUDGE
from studio.jobs.joining import joined
from studio.settings import Settings
from studio.studio import default_request

if TYPE_CHECKING:
    from pipelines.toybox.judge import Judge

# Camera and things are asked to stay where they are, so that whatever changes from part to part is drift.
PROMPTS = (
    "a red ball on grass under a clear sky, static camera",
    "a blue cube standing still on sand at sunset, static camera",
    "a yellow cone on snow under an overcast sky, static camera",
    "a green pillar on a wooden floor under an overcast sky, static camera",
)
TIMES = 4
KEEPS = (5, 9)
ASKED = ("ground", "sky", "count", "colour", "shape")


@dataclass(frozen=True, kw_only=True)
class Extent:
    """How much is measured: prompts, and the steps of each clip (None: the model's own)."""

    prompts: int = 3
    steps: int | None = None
    card: str = DEFAULT


@dataclass(frozen=True)
class _Long:
    """The parts of a long clip in their order, uint8 (T, H, W, 3) each, as many frames as the model makes at once."""

    parts: tuple[Any, ...]


def measure(
    say: Callable[[str], None],
    settings: Settings | None = None,
    extent: Extent | None = None,
    judge: Judge | None = None,
) -> Findings:
    """Every way to a long clip. Raises GimbalError without toybox or its judge."""
    read, asked = settings or Settings.read(), extent or Extent()
    maker = _Maker(ModelManager(Catalog(read.assets), device.measure()), asked)
    judge = judge or _judge(read)
    prompts = PROMPTS[: asked.prompts]
    say("the first parts, and those of another seed")
    firsts = [maker(prompt, 5) for prompt in prompts]
    others = [maker(prompt, 6) for prompt in prompts]
    measures = [*_floor(firsts, others, judge)]
    for keep in KEEPS:
        say(f"extended {TIMES} times from the last {keep} frames")
        longs = [maker.extended(prompt, first, keep) for prompt, first in zip(prompts, firsts, strict=True)]
        measures += _told(f"extended from {keep} frames", longs, judge)
    say(f"{TIMES} parts between key frames")
    longs = [maker.filled(prompt, first) for prompt, first in zip(prompts, firsts, strict=True)]
    measures += _told("filled between key frames", longs, judge)
    return Findings(measures=tuple(measures), pictures={})


class _Maker:
    """The default model as a person uses it: its requests, and what is done with their frames."""

    def __init__(self, manager: ModelManager, asked: Extent) -> None:
        self._manager = manager
        self._card = manager.catalog.card(asked.card)
        self._steps = asked.steps or int(self._card.capabilities.steps.default)

    def __call__(self, prompt: str, seed: int, *given: tuple[Conditioning, Frames]) -> Frames:
        parts = tuple(part for part, _ in given)
        request = replace(default_request(self._card, prompt), seed=seed, steps=self._steps, conditioning=parts)
        media = {part.media: frames for part, frames in given}
        with self._manager.use(request.model, request, unwatched) as model:
            return joined(request, media, model.generate(request, media, unwatched))

    def extended(self, prompt: str, first: Frames, keep: int) -> _Long:
        """The clip gone on from its end, again and again; a part is its last frames each time."""
        whole, parts = first, [first.pixels]
        for time in range(TIMES):
            whole = self(prompt, 10 + time, (ExtendClip(media=_name(time), keep=keep), whole))
            parts.append(whole.pixels[-len(first) :])
        return _Long(tuple(parts))

    def filled(self, prompt: str, first: Frames) -> _Long:
        """The first clip's own frames at longer distances, and what the model makes between each two of them."""
        places = np.linspace(0, len(first) - 1, TIMES + 1).round().astype(int)
        keys = [Frames(first.pixels[place : place + 1], first.fps) for place in places]
        parts = [first.pixels]
        for time, (one, other) in enumerate(zip(keys, keys[1:], strict=False)):
            ends = (StartImage(media=_name(0)), one), (EndImage(media=_name(1)), other)
            parts.append(self(prompt, 10 + time, *ends).pixels)
        return _Long(tuple(parts))


def _told(way: str, longs: Sequence[_Long], judge: Judge) -> Iterator[Measure]:
    """What the last part has become, each part's figure beside it."""
    for name, unit, figure in _figures(judge):
        rows = [[figure(long.parts[0], part) for part in long.parts[1:]] for long in longs]
        by_part = [statistics.mean(values) for values in zip(*rows, strict=True)]
        beside = {f"part {place}": value for place, value in enumerate(by_part, start=2)}
        yield Measure(name=f"{way}: {name}", value=by_part[-1], unit=unit, beside=beside, note=f"{len(longs)} clips")


def _floor(firsts: Sequence[Frames], others: Sequence[Frames], judge: Judge) -> Iterator[Measure]:
    """The same figures between clips of one prompt and two seeds: what a part that forgot the first would have."""
    for name, unit, figure in _figures(judge):
        found = [figure(one.pixels, other.pixels) for one, other in zip(firsts, others, strict=True)]
        yield Measure(name=f"another seed: {name}", value=statistics.mean(found), unit=unit, note=f"{len(found)} clips")


def _figures(judge: Judge) -> tuple[tuple[str, str, Callable[[Any, Any], float]], ...]:
    def same(first: Any, part: Any) -> float:
        one, other = judge.read(np.stack([first, part]))
        return 100 * statistics.mean(one[name] == other[name] for name in ASKED)

    return (
        ("colour of the whole, away from the first part's", "grey levels", colour_apart),
        ("contrast, of the first part's", "x", lambda first, part: float(part.std() / max(first.std(), 1e-6))),
        ("fine detail, of the first part's", "x", lambda first, part: detail(part) / max(detail(first), 1e-6)),
        ("what the judge sees, the same as in the first part", "%", same),
    )


def colour_apart(first: Any, part: Any) -> float:
    """Grey levels between the mean colours of two clips, the mean of the three channels."""
    return float(np.abs(first.mean((0, 1, 2)) - part.mean((0, 1, 2))).mean())


def detail(clip: Any) -> float:
    """The mean difference of neighbouring pixels, grey levels."""
    grey = clip.astype(np.float32).mean(-1)
    return float(np.abs(np.diff(grey, axis=1)).mean() + np.abs(np.diff(grey, axis=2)).mean()) / 2


def _judge(read: Settings) -> Judge:
    from pipelines.toybox.judge import load_judge

    folder = read.assets / "models" / JUDGE
    if not folder.is_dir():
        raise GimbalError(f"There is no judge in {folder}.", "python -m pipelines.toybox.train_judge makes it.")
    return load_judge(folder)


def _name(number: int) -> str:
    return f"{number:064x}"
