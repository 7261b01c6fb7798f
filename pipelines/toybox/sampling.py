"""Random scenes from named mixtures, and the combinations no training mixture ever shows."""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from types import MappingProxyType

import numpy as np

from pipelines.domain.camera.pose import SENSOR_HEIGHT_MM
from pipelines.toybox.scene import (
    ACTIONS,
    COLOURS,
    GROUNDS,
    MOTIONS,
    SHAPES,
    SIZES,
    SKIES,
    CameraMove,
    FigureSpec,
    Light,
    Outfit,
    Scene,
    SceneObject,
)
from pipelines.toybox.sdf import SOLIDS

HELD_OUT_SEED = 20261121
HELD_OUT_SHARE = 0.08

Weights = Mapping[str, float]


def _even(names: Sequence[str]) -> Weights:
    return MappingProxyType(dict.fromkeys(names, 1.0))


@dataclass(frozen=True, kw_only=True)
class Mixture:
    """Relative weights of everything that is drawn for a scene (names as in `scene` and `camera_moves`).

    `figure` is the chance of a figure, `figure_alone` the chance that it then has no object beside it.
    """

    shapes: Weights
    colours: Weights
    patterns: Weights
    sizes: Weights
    grounds: Weights
    skies: Weights
    motions: Weights
    moves: Weights
    easings: Weights
    focals_mm: tuple[float, ...]
    relations: Weights
    figure: float = 0.0
    figure_alone: float = 0.0
    actions: tuple[str, ...] = ACTIONS


FIRST_LIGHT = Mixture(
    shapes=_even(("ball", "cube", "cone", "pillar", "ring")),
    colours=_even(("red", "yellow", "green", "cyan", "blue", "pink", "white", "black")),
    patterns=_even(("plain",)),
    sizes=_even(("medium",)),
    grounds=_even(GROUNDS),
    skies=_even(SKIES),
    motions=MappingProxyType({"still": 0.7, "bounces": 0.15, "spins": 0.05, "rolls left": 0.05, "rolls right": 0.05}),
    moves=MappingProxyType({
        "static": 1.6, "pan left": 1.0, "pan right": 1.0, "tilt up": 1.0, "tilt down": 1.0, "truck left": 1.0,
        "truck right": 1.0, "dolly in": 1.0, "dolly out": 1.0, "orbit left": 1.0, "orbit right": 1.0, "crane up": 1.0,
    }),
    easings=_even(("constant",)),
    focals_mm=(28.0,),
    relations=_even(("alone",)),
)
"""The smallest world: one plain object, few motions, thirteen camera moves."""

EVERYDAY = replace(
    FIRST_LIGHT,
    motions=MappingProxyType({"still": 4.0} | dict.fromkeys(("bounces", "spins", "rolls left", "rolls right"), 0.5)),
    moves=MappingProxyType({
        "static": 2.4, "pan left": 1.0, "pan right": 1.0, "tilt up": 1.0, "tilt down": 1.0, "truck left": 1.0,
        "truck right": 1.0, "dolly in": 1.0, "dolly out": 1.0, "zoom in": 0.6, "zoom out": 0.6, "orbit left": 1.0,
        "orbit right": 1.0, "crane up": 0.8, "crane down": 0.8, "spline": 0.8,
    }),
    easings=MappingProxyType({"constant": 0.7, "eased": 0.3}),
    relations=MappingProxyType({"alone": 0.72, "left of": 0.14, "right of": 0.14}),
    figure=0.3,
    figure_alone=0.7,
)
"""The world of the CPU recipe: one or two plain things or the figure, and the common camera moves."""

PEOPLED = replace(EVERYDAY, figure=0.5)
"""The same world with more people in it, who need more examples than things do."""

FULL = Mixture(
    shapes=_even(SHAPES),
    colours=_even(tuple(COLOURS)),
    patterns=MappingProxyType({"plain": 0.6, "striped": 0.2, "checkered": 0.2}),
    sizes=MappingProxyType({"small": 0.25, "medium": 0.5, "large": 0.25}),
    grounds=_even(GROUNDS),
    skies=_even(SKIES),
    motions=MappingProxyType({"still": 4.0} | dict.fromkeys(MOTIONS[1:], 1.0)),
    moves=MappingProxyType({"static": 4.0} | dict.fromkeys((
        "pan left", "pan right", "tilt up", "tilt down", "roll left", "roll right", "truck left", "truck right",
        "pedestal up", "pedestal down", "dolly in", "dolly out", "zoom in", "zoom out", "dolly zoom in",
        "dolly zoom out", "orbit left", "orbit right", "crane up", "crane down", "handheld", "spline"), 1.0)),
    easings=MappingProxyType({"constant": 0.5, "eased": 0.3, "speeding up": 0.1, "slowing down": 0.1}),
    focals_mm=(24.0, 28.0, 35.0, 50.0),
    relations=MappingProxyType({
        "alone": 0.45, "left of": 0.12, "right of": 0.12, "behind": 0.11, "on top of": 0.10,
        "in a row": 0.10}),
    figure=0.35,
    figure_alone=0.5,
)
"""Everything the world can show."""

AMOUNTS: Mapping[str, tuple[float, float]] = MappingProxyType({
    "static": (0.0, 0.0), "pan": (0.42, 0.64), "tilt": (0.32, 0.50), "roll": (0.35, 0.70), "truck": (0.40, 0.65),
    "pedestal": (0.22, 0.32), "dolly": (1.9, 2.6), "zoom": (1.8, 2.4), "dolly zoom": (1.8, 2.4), "orbit": (0.9, 1.6),
    "crane": (0.34, 0.44), "handheld": (0.05, 0.10), "spline": (0.35, 0.60),
})
"""Range of amounts by kind; truck, pedestal, crane, handheld and spline as a share of the distance."""

IN_METRES = frozenset({"truck", "pedestal", "crane", "handheld", "spline"})
BY_ANGLE_OF_VIEW = frozenset({"pan", "tilt", "truck", "pedestal"})
NO_EASING = frozenset({"static", "handheld"})
UPRIGHT_SPIN = frozenset({"cube", "ring", "star", "pyramid"})


def sample_scene(rng: np.random.Generator, mixture: Mixture = FIRST_LIGHT) -> Scene:
    """A scene of the mixture that is not held out."""
    while True:
        scene = _draw(rng, mixture)
        if not is_held_out(scene):
            return scene


def sample_held_out(rng: np.random.Generator, mixture: Mixture = FIRST_LIGHT) -> Scene:
    """A scene of the mixture with at least one held-out combination: for tests and benchmarks only."""
    while True:
        scene = _draw(rng, mixture)
        if is_held_out(scene):
            return scene


@cache
def held_out_combinations() -> frozenset[tuple[str, str, str]]:
    """The (colour, shape, ground) triples that training never sees, fixed for ever by their seed."""
    triples = list(itertools.product(sorted(COLOURS), sorted(SHAPES), sorted(GROUNDS)))
    chosen = np.random.default_rng(HELD_OUT_SEED).random(len(triples)) < HELD_OUT_SHARE
    return frozenset(triple for triple, keep in zip(triples, chosen, strict=True) if keep)


@cache
def held_out_outfits() -> frozenset[tuple[str, str]]:
    """The (shirt, trousers) colours that training never sees."""
    pairs = list(itertools.permutations(sorted(COLOURS), 2))
    chosen = np.random.default_rng(HELD_OUT_SEED + 1).random(len(pairs)) < HELD_OUT_SHARE
    return frozenset(pair for pair, keep in zip(pairs, chosen, strict=True) if keep)


def is_held_out(scene: Scene) -> bool:
    """Whether an object makes a held-out combination with the ground, or the figure wears a held-out outfit."""
    held = held_out_combinations()
    if scene.figure is not None and (scene.figure.outfit.shirt, scene.figure.outfit.trousers) in held_out_outfits():
        return True
    return any((item.colour, item.shape, scene.ground) in held for item in scene.objects)


def _pick(rng: np.random.Generator, weights: Weights) -> str:
    names, values = list(weights), np.array(list(weights.values()))
    return names[int(rng.choice(len(names), p=values / values.sum()))]


def _draw(rng: np.random.Generator, mixture: Mixture) -> Scene:
    figure = _figure(rng, mixture) if rng.random() < mixture.figure else None
    relation = "alone" if figure is not None else _pick(rng, mixture.relations)
    first = _object(rng, mixture)
    objects = (first,) if relation == "alone" else _related(rng, mixture, first, relation)
    if figure is not None:
        objects = () if rng.random() < mixture.figure_alone else _beside_figure(rng, objects)
    sky = _pick(rng, mixture.skies)
    return Scene(
        ground=_pick(rng, mixture.grounds), sky=sky, objects=objects, figure=figure, relation=relation,
        camera=_camera(rng, mixture, objects, figure), light=_light(rng, sky),
        detail_seed=int(rng.integers(2**31)),
    )


def _object(rng: np.random.Generator, mixture: Mixture) -> SceneObject:
    shape = _pick(rng, mixture.shapes)
    allowed = {name: weight for name, weight in mixture.motions.items() if _suits(shape, name)}
    yaw = rng.uniform(-0.5, 0.5) if shape in ("ring", "star") else rng.uniform(-math.pi, math.pi)
    return SceneObject(
        shape=shape, colour=_pick(rng, mixture.colours), pattern=_pick(rng, mixture.patterns),
        size=_pick(rng, mixture.sizes), motion=_pick(rng, allowed), yaw_radians=float(yaw),
    )


def _suits(shape: str, motion: str) -> bool:
    """Only what rolls may roll, and only what is not round from above may spin."""
    if motion == "spins":
        return shape in UPRIGHT_SPIN
    return not motion.startswith("rolls") or shape in ("ball", "ring")


def _related(rng: np.random.Generator, mixture: Mixture, first: SceneObject, relation: str) -> tuple[SceneObject, ...]:
    """Two objects, the first standing in the relation to the second, or three in a row from left to right."""
    second = _object(rng, mixture)
    if relation == "in a row":
        row = (first, second, _object(rng, mixture))
        width = 1.25 * max(SIZES[item.size] for item in row)
        return tuple(_still(item, x=(place - 1) * width) for place, item in enumerate(row))
    gap = 0.5 * (SIZES[first.size] + SIZES[second.size])
    match relation:
        case "left of" | "right of":
            side = -1.0 if relation == "left of" else 1.0
            return _still(first, x=side * 0.75 * gap), _still(second, x=-side * 0.75 * gap)
        case "behind":
            side = float(rng.choice((-1.0, 1.0)))
            return _still(first, x=side * 0.6 * gap, z=1.3 * gap), _still(second, x=-side * 0.25 * gap, z=-0.5 * gap)
        case _:
            base = SceneObject(shape="cube", colour=second.colour, pattern=second.pattern, size=second.size)
            return _still(first, base_y=-2.0 * SOLIDS["cube"].drop * SIZES[base.size]), base


def _still(item: SceneObject, x: float = 0.0, z: float = 0.0, base_y: float = 0.0) -> SceneObject:
    """The object moved there; stacked things hold still, others keep motions that cannot collide."""
    motion = item.motion if base_y == 0.0 and item.motion in ("bounces", "spins", "falls") else "still"
    return SceneObject(shape=item.shape, colour=item.colour, pattern=item.pattern, size=item.size, motion=motion,
                       x=x, z=z, base_y=base_y, yaw_radians=item.yaw_radians)


def _beside_figure(rng: np.random.Generator, objects: tuple[SceneObject, ...]) -> tuple[SceneObject, ...]:
    side = float(rng.choice((-1.0, 1.0)))
    return tuple(_still(item, x=side * 1.0, z=0.3) for item in objects)


def _figure(rng: np.random.Generator, mixture: Mixture) -> FigureSpec:
    colours = list(mixture.colours)
    shirt, trousers = rng.choice(len(colours), size=2, replace=False)
    return FigureSpec(
        outfit=Outfit(shirt=colours[int(shirt)], trousers=colours[int(trousers)]),
        action=_pick(rng, _even(mixture.actions)), yaw_radians=float(rng.uniform(-0.6, 0.6)),
        phase_radians=float(rng.uniform(0.0, 2.0 * math.pi)),
    )


def _camera(
    rng: np.random.Generator, mixture: Mixture, objects: tuple[SceneObject, ...], figure: FigureSpec | None
) -> CameraMove:
    kind, focal = _pick(rng, mixture.moves), float(rng.choice(mixture.focals_mm))
    tall = max((2.0 * SOLIDS[item.shape].drop * SIZES[item.size] - item.base_y for item in objects), default=0.0)
    reach = max((abs(item.x) + 0.6 * SIZES[item.size] for item in objects), default=0.0)
    tall = max(tall, 1.1, 1.3 * reach if len(objects) > 1 else 0.0, 1.9 if figure is not None else 0.0)
    share = rng.uniform(0.32, 0.42) if figure is None else rng.uniform(0.40, 0.55)
    distance = tall / share * focal / SENSOR_HEIGHT_MM
    family = next(name for name in sorted(AMOUNTS, key=len, reverse=True) if kind.startswith(name))
    amount = rng.uniform(*AMOUNTS[family])
    if family in BY_ANGLE_OF_VIEW:
        amount *= 28.0 / focal
    if family in IN_METRES:
        amount *= distance
    return CameraMove(
        kind=kind, amount=float(amount), easing="constant" if kind in NO_EASING else _pick(rng, mixture.easings),
        distance=float(distance), height=float(tall * rng.uniform(0.85, 1.35)),
        azimuth_radians=0.0, aim=(0.0, float(-tall * 0.62), 0.0), focal_mm=focal, seed=int(rng.integers(2**31)),
    )


def _light(rng: np.random.Generator, sky: str) -> Light:
    side = 1.0 if rng.random() < 0.5 else -1.0
    turn = (1.3, 1.8) if sky in ("sunset", "night") else (1.9, 2.6)
    high = (0.42, 0.62) if sky == "sunset" else (0.75, 1.05)
    return Light(azimuth_radians=side * float(rng.uniform(*turn)), elevation_radians=float(rng.uniform(*high)))


MIXTURES: Mapping[str, Mixture] = MappingProxyType(
    {"first light": FIRST_LIGHT, "everyday": EVERYDAY, "peopled": PEOPLED, "full": FULL}
)
"""The mixtures that a recipe can name."""
