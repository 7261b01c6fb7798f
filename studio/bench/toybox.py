"""How well the default model obeys text, camera, depth, pose, edges, pictures and masks, against exact truth."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.domain.errors import GimbalError
from pipelines.families.family import ModelCard
from pipelines.models import device
from pipelines.models.catalog import DEFAULT, Catalog
from pipelines.models.facts import RunFacts
from pipelines.models.manager import ModelManager
from studio.bench.figures import ERRORS, TELLS, Told, beside
from studio.bench.making import pixels
from studio.bench.report import Findings, Measure, middle, spread
from studio.settings import Settings
from studio.studio import default_request

if TYPE_CHECKING:
    from pipelines.toybox.bench.controls import Instruments, Parts
    from pipelines.toybox.bench.run import Compared, Results, Size, World
    from pipelines.toybox.bench.scenes import Shape
    from pipelines.toybox.judge import Clips

Say = Callable[[str], None]
JUDGE = "toybox-judge"
TIMES_BETTER = 5.0
GAP_POINTS = 5.0


@dataclass
class Maker:
    """A card as a person uses it: the catalog's check, the manager's loan, the family's `generate`.

    steps: those of the request, None for the card's own.
    """

    manager: ModelManager
    card: ModelCard
    steps: int | None = None
    runs: list[RunFacts] = field(default_factory=list)

    def __call__(self, prompt: str, seed: int, parts: Parts) -> Clips:
        """The frames of one request, uint8 (T, H, W, 3)."""
        from pipelines.toybox.bench.controls import media_of

        request = replace(default_request(self.card, prompt), seed=seed, conditioning=tuple(parts))
        if self.steps is not None:
            request = replace(request, steps=self.steps)
        frames = pixels(self.manager, request, media_of(parts))
        if self.manager.last_run is not None:
            self.runs.append(self.manager.last_run)
        return frames


def measure(
    say: Say, settings: Settings | None = None, size: Size | None = None, tools: Instruments | None = None
) -> Findings:
    """Every card whose name begins with toybox. size: how much. tools: what reads clips, else the shipped."""
    from pipelines.toybox.bench.run import measure_floors, measure_model

    read = settings or Settings.read()
    manager = ModelManager(Catalog(read.assets), device.measure())
    cards = [card for card in manager.catalog.cards() if card.id.startswith(DEFAULT)]
    if not cards:
        raise GimbalError("There is no toybox to measure.", "Its folder belongs under assets/models.")
    judge = read.assets / "models" / JUDGE
    if not judge.is_dir():
        raise GimbalError(f"There is no judge in {judge}.", "python -m pipelines.toybox.train_judge makes it.")
    world = _world(cards[0], judge, size, tools or instruments(judge))
    measures: list[Measure] = []
    found: dict[str, Results] = {}
    for card in cards:
        say(f"{card.id}: {card.capabilities.steps.default:g} steps")
        maker = Maker(manager, card)
        found[card.id] = measure_model(maker, world, card.capabilities.conditionings, say)
        if card is cards[0]:
            say("the floors: true renders, plain and after the codec")
            found[card.id] = measure_floors(world, found[card.id])
        measures += [*_told(card, found[card.id], world.size, promised=card is cards[0]), *_speed(card, maker.runs)]
    measures += _gap(cards, found)
    return Findings(measures=tuple(measures), pictures=_sheets(cards, found))


def _world(card: ModelCard, judge: Path, size: Size | None, tools: Instruments) -> World:
    """The scenes that the judge's mixture can show, at the card's own size."""
    from pipelines.toybox.bench.run import Size, World
    from pipelines.toybox.judge import mixture_of
    from pipelines.toybox.sampling import MIXTURES

    return World(MIXTURES[mixture_of(judge)], shape_of(card), size or Size(), tools, card.folder / "vae")


def shape_of(card: ModelCard) -> Shape:
    """A card's own size and length of a clip."""
    from pipelines.toybox.bench.scenes import Shape

    grid = card.capabilities.grid
    return Shape(*grid.sizes[0], grid.lengths[0])


def instruments(judge: Path) -> Instruments:
    from pipelines.conditioning import depth, pose
    from pipelines.toybox.bench.controls import Instruments
    from pipelines.toybox.judge import load_judge

    return Instruments(judge=load_judge(judge), nearness=depth.load().estimate, skeletons=pose.load().estimate)


def _told(card: ModelCard, results: Results, size: Size, *, promised: bool) -> list[Measure]:
    """The figures of one card; what is promised, is promised of the base model."""
    known = [(name, figure) for name, figure in results.figures.items() if name in TELLS]
    told = [_measure(card, _counted(name, size), figure, promised) for name, figure in known]
    times = _times_better(results)
    if times:
        worst = min(times, key=lambda name: times[name])
        least = TIMES_BETTER if promised else None
        note = ", ".join(f"{name} {value:.1f}" for name, value in times.items())
        name = f"{card.id}: the least gain of a control over another scene's"
        told.append(Measure(name=name, value=times[worst], unit="x", least=least, note=note))
    return told


def _counted(name: str, size: Size) -> Told:
    """How a figure is told, with the number of scenes and seeds it comes from."""
    of_text = name.startswith(("text.", "clips.", "codec."))
    count = f"{size.text_scenes if of_text else size.control_scenes} scenes, {size.seeds} seeds"
    tell = TELLS[name]
    return replace(tell, note="; ".join(part for part in (count, tell.note) if part))


def _measure(card: ModelCard, tell: Told, figure: Compared, promised: bool) -> Measure:
    held = beside(figure, tell.factor)
    bounds = {"limit": tell.limit, "least": tell.least} if promised else {}
    value = tell.factor * figure.value
    return Measure(name=f"{card.id}: {tell.name}", value=value, unit=tell.unit, note=tell.note, beside=held, **bounds)


def _times_better(results: Results) -> dict[str, float]:
    """By how much the error of each control grows with another scene's control instead of its own."""
    times = {}
    for name, error in ERRORS.items():
        figure = results.figures.get(name)
        if figure is not None and figure.shuffled is not None:
            times[name] = error(figure.shuffled) / max(error(figure.value), 1e-6)
    return times


def _speed(card: ModelCard, runs: Sequence[RunFacts]) -> list[Measure]:
    """Seconds and memory of all clips; the first, which warms up, is left out of the middle."""
    seconds = [run.seconds for run in runs]
    shape = f"{card.capabilities.grid.lengths[0]} frames, {card.capabilities.steps.default:g} steps"
    limit = 10.0 if card.id == DEFAULT else 4.0
    peak = max(run.peak_bytes for run in runs) / 2**20
    note = f"{shape}; {spread(seconds)}"
    name = f"{card.id}: seconds per clip"
    return [
        Measure(name=name, value=middle(seconds[1:] or seconds), unit="s", limit=limit, note=note),
        Measure(name=f"{card.id}: loading", value=max(run.load_seconds for run in runs), unit="s", limit=2.0),
        Measure(name=f"{card.id}: peak memory of the process", value=peak, unit="MiB"),
    ]


def _gap(cards: Sequence[ModelCard], found: Mapping[str, Results]) -> list[Measure]:
    """How many points the other cards lose against the base, all attributes together."""
    base = found[cards[0].id].figures["text.together"].value
    name = "points behind the base, all attributes together"
    return [
        Measure(
            name=f"{card.id}: {name}",
            value=100 * (base - found[card.id].figures["text.together"].value),
            unit="points",
            limit=GAP_POINTS,
        )
        for card in cards[1:]
    ]


def _sheets(cards: Sequence[ModelCard], found: Mapping[str, Results]) -> dict[str, bytes]:
    """Contact sheets of the base model, and of the others for text alone."""
    from pipelines.toybox.bench.sheets import sheet

    return {
        f"{card.id}-{control.replace(' ', '-')}.jpg": sheet(examples)
        for card in cards
        for control, examples in found[card.id].examples.items()
        if card is cards[0] or control == "text"
    }
