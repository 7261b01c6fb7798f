"""How well the default model follows depth, pose, edges and masks, alone and together, against exact truth."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pipelines.domain.errors import GimbalError
from pipelines.families.family import ModelCard
from pipelines.models import device
from pipelines.models.catalog import DEFAULT, Catalog
from pipelines.models.manager import ModelManager
from studio.bench.figures import TELLS, Told, beside, itself, missed, square_error
from studio.bench.report import Findings, Measure, middle, spread
from studio.bench.toybox import JUDGE, Maker, instruments, shape_of
from studio.jobs.joining import kept_outside
from studio.settings import Settings
from studio.studio import default_request

if TYPE_CHECKING:
    from pipelines.toybox.bench.controls import Instruments, Parts
    from pipelines.toybox.bench.run import Compared, Results, Scenes
    from pipelines.toybox.judge import Clips

TIMES_BETTER = 5.0
_ERRORS: Mapping[str, Callable[[float], float]] = {
    "abs_rel": itself, "rotation": itself, "translation": itself, "pck": missed, "edges": missed,
    "first": square_error, "outside": square_error,
}  # fmt: skip
_SAME_AS = {
    "abs_rel": "previz.abs_rel", "delta": "previz.delta", "pck": "skeleton.pck", "edges": "edges.edges",
    "rotation": "previz.rotation", "translation": "previz.translation", "warping": "previz.warping",
    "first": "first frame.first", "outside": "mask.outside",
}  # fmt: skip
_OWN = {"previz": "depth", "skeleton": "pose", "mask": "mask, put back"}


@dataclass(frozen=True, kw_only=True)
class Extent:
    """How much is measured: scenes for each control, seeds with its own control (with another's and none: one)."""

    scenes: int = 8
    seeds: int = 3
    steps: int | None = None
    card: str = DEFAULT


@dataclass
class Finished:
    """Clips as a person gets them: what the model made, with the source put back outside the mask."""

    maker: Maker

    def __call__(self, prompt: str, seed: int, parts: Parts) -> Clips:
        """uint8 (T, H, W, 3)."""
        from pipelines.domain.frames import Frames
        from pipelines.toybox.bench.controls import media_of

        request = replace(default_request(self.maker.card, prompt), conditioning=tuple(parts))
        frames = Frames(self.maker(prompt, seed, parts), request.fps)
        return kept_outside(request, media_of(parts), frames).pixels


def measure(
    say: Callable[[str], None],
    settings: Settings | None = None,
    extent: Extent | None = None,
    tools: Instruments | None = None,
) -> Findings:
    """Every control of one card. tools: what reads clips, else the shipped. Raises GimbalError without such a card."""
    from pipelines.toybox.bench.sheets import sheet
    from pipelines.toybox.bench.structure import measure_structure

    read, asked = settings or Settings.read(), extent or Extent()
    manager = ModelManager(Catalog(read.assets), device.measure())
    cards = [card for card in manager.catalog.cards() if card.id == asked.card]
    if not cards or not asked.card.startswith(DEFAULT):
        raise GimbalError(f"There is no toybox {asked.card[:60]!r}.", "launch.py models lists what is there.")
    card, maker = cards[0], Maker(manager, cards[0], asked.steps)
    reading = tools or instruments(read.assets / "models" / JUDGE)
    found = measure_structure(
        Finished(maker), _scenes(card, read, asked), reading, card.capabilities.conditionings, say
    )
    measures = [*_told(card, found, asked), _gain(card, found)]
    seconds = [run.seconds for run in maker.runs]
    note = f"{asked.steps or card.capabilities.steps.default:g} steps; {spread(seconds)}"
    measures.append(Measure(name=f"{card.id}: seconds per clip", value=middle(seconds), unit="s", note=note))
    return Findings(
        measures=tuple(measures),
        pictures={f"{card.id}-control-{_plain(name)}.jpg": sheet(rows) for name, rows in found.examples.items()},
    )


def _plain(name: str) -> str:
    return name.replace(",", "").replace(" ", "-")


def _scenes(card: ModelCard, settings: Settings, extent: Extent) -> Scenes:
    """Held-out scenes of the mixture that the card's judge knows, at the card's own size."""
    from pipelines.toybox.bench.run import Scenes, Size
    from pipelines.toybox.judge import mixture_of
    from pipelines.toybox.sampling import EVERYDAY, MIXTURES

    judge = settings.assets / "models" / JUDGE
    mixture = MIXTURES[mixture_of(judge)] if judge.is_dir() else EVERYDAY
    size = Size(control_scenes=extent.scenes, seeds=extent.seeds, compared_seeds=1)
    return Scenes(mixture, shape_of(card), size, card.folder / "vae")


def _told(card: ModelCard, found: Results, extent: Extent) -> list[Measure]:
    """Every figure with the floor on true renders, another scene's control and none beside it."""
    count = f"{extent.scenes} scenes, {extent.seeds} seeds"
    return [_measure(card, key, figure, count) for key, figure in found.figures.items() if _kind(key) in _SAME_AS]


def _kind(key: str) -> str:
    return key.rpartition(".")[2]


def _measure(card: ModelCard, key: str, figure: Compared, count: str) -> Measure:
    control, kind = key.rpartition(".")[::2]
    tell: Told = TELLS[_SAME_AS[kind]]
    held = beside(figure, tell.factor)
    single = control in ("previz", "skeleton", "edges")
    bounds = {"limit": tell.limit, "least": tell.least} if single else {}
    what = tell.name.removesuffix(", previz route")
    name = f"{card.id}, {_OWN.get(control, control)}: {what}"
    return Measure(name=name, value=tell.factor * figure.value, unit=tell.unit, note=count, beside=held, **bounds)


def _gain(card: ModelCard, found: Results) -> Measure:
    """The least factor by which an error grows with another scene's control instead of its own."""
    times = {
        key: _ERRORS[_kind(key)](figure.shuffled) / max(_ERRORS[_kind(key)](figure.value), 1e-6)
        for key, figure in found.figures.items()
        if _kind(key) in _ERRORS and figure.shuffled is not None
    }
    worst = min(times, key=lambda key: times[key])
    note = ", ".join(f"{key} {value:.1f}" for key, value in times.items())
    name = f"{card.id}: the least gain of a control over another scene's"
    return Measure(name=name, value=times[worst], unit="x", least=TIMES_BETTER, note=note)
