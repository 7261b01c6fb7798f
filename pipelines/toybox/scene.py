"""A scene of the toy world as plain data: what stands where, what moves, and what the camera does.

World axes follow the camera's: x right, y down, z forward, metres. The ground is the plane y = 0, so everything
above it has negative y. Time is clip progress u from 0 (first frame) to 1 (last frame).
"""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

COLOURS: Mapping[str, tuple[float, float, float]] = MappingProxyType({
    "red": (0.88, 0.10, 0.10),
    "yellow": (0.98, 0.84, 0.08),
    "green": (0.06, 0.68, 0.26),
    "cyan": (0.10, 0.82, 0.88),
    "blue": (0.10, 0.22, 0.88),
    "pink": (0.96, 0.32, 0.68),
    "white": (0.97, 0.97, 0.97),
    "black": (0.07, 0.07, 0.08),
    "orange": (0.98, 0.50, 0.06),
    "purple": (0.48, 0.16, 0.70),
    "brown": (0.42, 0.24, 0.12),
    "gray": (0.50, 0.50, 0.52),
})
"""Display-space RGB in 0..1 of every object colour."""

SHAPES = ("ball", "cube", "cone", "pillar", "ring", "star", "mushroom", "pyramid")
PATTERNS = ("plain", "striped", "checkered")
SIZES: Mapping[str, float] = MappingProxyType({"small": 0.62, "medium": 1.0, "large": 1.4})
GROUNDS = ("grass", "sand", "snow", "tiles", "wood", "water")
SKIES = ("day", "sunset", "night", "overcast")
MOTIONS = ("still", "rolls left", "rolls right", "bounces", "spins", "circles", "comes closer", "moves away", "falls")
ACTIONS = ("stands", "walks", "waves", "jumps", "dances", "sits")
RELATIONS = ("alone", "left of", "right of", "behind", "on top of", "in a row")


@dataclass(frozen=True, kw_only=True)
class Outfit:
    """What the figure wears: colour names of shirt and trousers."""

    shirt: str
    trousers: str


@dataclass(frozen=True, kw_only=True)
class SceneObject:
    """One solid thing. (x, z) is where its base stands in the middle of the clip; base_y < 0 lifts it (stacking)."""

    shape: str
    colour: str
    pattern: str = "plain"
    size: str = "medium"
    motion: str = "still"
    x: float = 0.0
    z: float = 0.0
    base_y: float = 0.0
    yaw_radians: float = 0.0


@dataclass(frozen=True, kw_only=True)
class FigureSpec:
    """The jointed figure: outfit, action, place on the ground, heading (0 faces -z) and phase of its gait."""

    outfit: Outfit
    action: str
    x: float = 0.0
    z: float = 0.0
    yaw_radians: float = 0.0
    phase_radians: float = 0.0


@dataclass(frozen=True, kw_only=True)
class CameraMove:
    """A named move around a base pose; `camera_moves` says what each kind and its amount mean.

    The base pose stands `distance` metres before the aim point along -z (turned by `azimuth_radians` about it), at
    `height` metres above the ground, and looks at the aim point (x, y, z). The lens is that of a 24 mm high sensor.
    """

    kind: str = "static"
    amount: float = 0.0
    easing: str = "constant"
    distance: float = 4.0
    height: float = 1.2
    azimuth_radians: float = 0.0
    aim: tuple[float, float, float] = (0.0, -0.7, 0.0)
    focal_mm: float = 28.0
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class Light:
    """Where the light comes from: azimuth from +z towards +x, elevation above the horizon."""

    azimuth_radians: float = -2.4
    elevation_radians: float = 0.9


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Everything that decides a clip's pixels, its truth and its caption's facts."""

    ground: str
    sky: str
    objects: tuple[SceneObject, ...]
    camera: CameraMove
    figure: FigureSpec | None = None
    light: Light = Light()
    relation: str = "alone"
    detail_seed: int = 0

    def to_json(self) -> str:
        """The scene as JSON text that `from_json` reads back equal."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True)

    @staticmethod
    def from_json(text: str) -> "Scene":
        """The scene that `to_json` wrote. Unknown or missing fields raise TypeError."""
        return _scene(json.loads(text))


def _scene(raw: dict[str, Any]) -> Scene:
    figure = raw.pop("figure", None)
    camera = raw.pop("camera")
    return Scene(
        objects=tuple(SceneObject(**item) for item in raw.pop("objects")),
        camera=CameraMove(**{**camera, "aim": tuple(camera["aim"])}),
        figure=None if figure is None else FigureSpec(**{**figure, "outfit": Outfit(**figure["outfit"])}),
        light=Light(**raw.pop("light")),
        **raw,
    )
