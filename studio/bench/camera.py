"""How well the default model follows held-out camera paths, by each route a path can take, against exact truth."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipelines.domain.errors import GimbalError
from pipelines.families.family import ModelCard
from pipelines.models import device
from pipelines.models.catalog import DEFAULT, Catalog
from pipelines.models.manager import ModelManager
from studio.bench.figures import TELLS, Told
from studio.bench.report import Findings, Measure, middle, spread
from studio.bench.toybox import JUDGE, TIMES_BETTER, Maker, shape_of
from studio.settings import Settings

if TYPE_CHECKING:
    from pipelines.toybox.bench.routes import Errors, RouteResults
    from pipelines.toybox.bench.run import Scenes

ROUTE_NAMES = {"previz": "previz route (words + depth)", "warp": "picture-warp route (words + warped picture)"}
BESIDE = ("true renders", "after the codec", "shuffled", "words only")


@dataclass(frozen=True, kw_only=True)
class Extent:
    """How much is measured. seeds: clips of each path with its own control; with another's and with none there are
    compared_seeds. steps: None for the card's own. estimators: names in `pipelines.toybox.bench.readings`.
    """

    paths: int = 20
    seeds: int = 3
    compared_seeds: int = 1
    steps: int | None = None
    card: str = DEFAULT
    estimators: tuple[str, ...] = ("exact",)


def measure(say: Callable[[str], None], settings: Settings | None = None, extent: Extent | None = None) -> Findings:
    """Every route of one card. Raises GimbalError where there is no such card."""
    from pipelines.toybox.bench.routes import measure_routes

    read, asked = settings or Settings.read(), extent or Extent()
    manager = ModelManager(Catalog(read.assets), device.measure())
    cards = [card for card in manager.catalog.cards() if card.id == asked.card]
    if not cards or not asked.card.startswith(DEFAULT):
        raise GimbalError(f"There is no toybox {asked.card[:60]!r}.", "launch.py models lists what is there.")
    card, make = cards[0], Maker(manager, cards[0], asked.steps)
    scenes = _scenes(card, read, asked)
    found = measure_routes(make, scenes, card.capabilities.conditionings, asked.estimators, say)
    seconds = [run.seconds for run in make.runs]
    measures = [each for route, results in found.items() for each in told(card.id, route, results, asked)]
    if seconds:
        note = f"{asked.steps or card.capabilities.steps.default:g} steps; {spread(seconds)}"
        measures.append(Measure(name=f"{card.id}: seconds per clip", value=middle(seconds), unit="s", note=note))
    return Findings(measures=tuple(measures), pictures=_sheets(card, found))


def _scenes(card: ModelCard, settings: Settings, extent: Extent) -> Scenes:
    """Held-out scenes of the mixture that the card's judge knows, at the card's own size."""
    from pipelines.toybox.bench.run import Scenes, Size
    from pipelines.toybox.judge import mixture_of
    from pipelines.toybox.sampling import EVERYDAY, MIXTURES

    judge = settings.assets / "models" / JUDGE
    mixture = MIXTURES[mixture_of(judge)] if judge.is_dir() else EVERYDAY
    compared = min(extent.compared_seeds, extent.seeds)
    size = Size(control_scenes=extent.paths, seeds=extent.seeds, compared_seeds=compared)
    return Scenes(mixture, shape_of(card), size, card.folder / "vae")


def told(card: str, route: str, results: RouteResults, extent: Extent) -> list[Measure]:
    """The figures of a route. What is promised, is promised of the exact estimator."""
    return [
        each
        for estimator, errors in results.errors.items()
        for each in _of_estimator(f"{card}: ", route, estimator, errors, extent)
    ]


def _of_estimator(card: str, route: str, estimator: str, errors: Mapping[str, Errors], extent: Extent) -> list[Measure]:
    """Rotation, translation, how many could not be measured, and the gain over another path's control."""
    from pipelines.toybox.bench.readings import TITLES

    own, promised = errors["own"], estimator == "exact"
    by = "" if promised else f", by {estimator} from motion"
    taken = f"{extent.paths} paths, {extent.seeds} seeds; {TITLES[estimator]}"
    measures = []
    for place, figure in enumerate(("rotation", "translation")):
        tell = TELLS[f"{route}.{figure}"]
        each = {move: way for move, pair in own.by_move.items() if (way := pair[place]) is not None}
        note = f"{taken}; {_by_move(each, tell)}"
        value = getattr(own, figure)
        if value is not None:
            beside = {kind: tell.factor * way for kind in BESIDE if (way := getattr(errors[kind], figure)) is not None}
            limit = tell.limit if promised else None
            name = f"{card}{figure} error, {ROUTE_NAMES[route]}{by}"
            measures.append(
                Measure(name=name, value=tell.factor * value, unit=tell.unit, limit=limit, note=note, beside=beside)
            )
    failed = {kind: 100 * errors[kind].failed for kind in BESIDE}
    name = f"{card}could not be measured, {ROUTE_NAMES[route]}{by}"
    note = f"of {own.clips} clips; {TITLES[estimator]}"
    measures.append(Measure(name=name, value=100 * own.failed, unit="% of clips", note=note, beside=failed))
    if own.rotation and errors["shuffled"].rotation is not None:
        gain = errors["shuffled"].rotation / own.rotation
        name = f"{card}rotation error of another path's control over that of its own, {ROUTE_NAMES[route]}{by}"
        measures.append(Measure(name=name, value=gain, unit="x", least=TIMES_BETTER if promised else None))
    return measures


def _by_move(each: Mapping[str, float], tell: Told) -> str:
    return "by move: " + ", ".join(f"{move} {tell.factor * value:.2f}" for move, value in sorted(each.items()))


def _sheets(card: ModelCard, found: Mapping[str, RouteResults]) -> dict[str, bytes]:
    from pipelines.toybox.bench.sheets import sheet

    return {f"{card.id}-camera-{route}.jpg": sheet(results.examples) for route, results in found.items()}
