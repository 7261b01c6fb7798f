"""The stage: a ground and simple stand-ins, rendered along a camera path before any model is asked. Pure numpy.

It gives a shaded preview for the eye and exact depth for the model. World axes and lenses as in
`pipelines.domain.camera.pose`: the ground is y = 0, a stand-in stands on it at (x, z).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipelines.conditioning.previz_render import Solid, draw_frame
from pipelines.domain.camera import pose
from pipelines.domain.camera.path import CameraPath, Vector
from pipelines.domain.camera.problems import Obstacle, problems
from pipelines.domain.errors import Problem

Kind = Literal["ball", "box", "pillar", "figure"]
KINDS: tuple[Kind, ...] = get_args(Kind)
MAX_STAND_INS = 32
_CHECKED_FRAMES = 129

_BALL = (((0.0, -0.5, 0.0), (0.5, 0.5, 0.5), True),)
_BOX = (((0.0, -0.45, 0.0), (0.45, 0.45, 0.45), False),)
_PILLAR = (((0.0, -1.0, 0.0), (0.2, 1.0, 0.2), False),)
_FIGURE = (
    ((-0.11, -0.42, 0.0), (0.08, 0.42, 0.09), False),
    ((0.11, -0.42, 0.0), (0.08, 0.42, 0.09), False),
    ((0.0, -1.14, 0.0), (0.20, 0.30, 0.11), False),
    ((-0.27, -1.14, 0.0), (0.055, 0.30, 0.06), False),
    ((0.27, -1.14, 0.0), (0.055, 0.30, 0.06), False),
    ((0.0, -1.60, 0.0), (0.11, 0.14, 0.12), True),
    ((0.0, -1.59, -0.13), (0.03, 0.03, 0.04), True),
)
"""It faces -z, towards the camera of a new path; the last part is its nose."""


@dataclass(frozen=True, kw_only=True)
class StandIn:
    """A simple solid in place of a thing: for size 1 a ball or box of about 1 m, a pillar of 2 m, a figure of 1.74 m.

    x, z: where it stands, metres. yaw_degrees: turned to its right. colour: RGB in 0..1.
    """

    kind: Kind = "ball"
    x: float = 0.0
    z: float = 0.0
    size: float = 1.0
    yaw_degrees: float = 0.0
    colour: Vector = (0.85, 0.25, 0.18)

    @property
    def middle(self) -> Vector:
        """The point of it to look at."""
        return self.x, -self.size * {"ball": 0.5, "box": 0.45, "pillar": 1.0, "figure": 1.1}[self.kind], self.z


@dataclass(frozen=True, kw_only=True)
class Stage:
    """What stands on the ground; by default one ball in the middle. At most MAX_STAND_INS are shown."""

    stand_ins: tuple[StandIn, ...] = (StandIn(),)

    def obstacles(self) -> tuple[Obstacle, ...]:
        """The stand-ins as things that a camera must not be in; a box counts with the ball about its base."""
        return tuple(_obstacle(thing) for thing in self.stand_ins[:MAX_STAND_INS])

    def problems(self, path: CameraPath) -> tuple[Problem, ...]:
        """Everything that is wrong with a path on this stage: its own problems, the stand-ins, the ground."""
        return problems(path) or (*problems(path, self.obstacles()), *_underground(path))


@dataclass(frozen=True, kw_only=True, eq=False)
class Previz:
    """frames: uint8 (T, H, W, 3), shaded. depth: float32 (T, H, W), z-depth in metres, inf in the sky."""

    frames: NDArray[np.uint8]
    depth: NDArray[np.float32]


def render(stage: Stage, camera_to_world: ArrayLike, focal_mm: ArrayLike, width: int, height: int) -> Previz:
    """Look at the stage from poses (T, 4, 4) with lenses (T,)."""
    solids = [solid for thing in stage.stand_ins[:MAX_STAND_INS] for solid in _solids(thing)]
    focal = pose.focal_pixels(focal_mm, height)
    shown = [
        draw_frame(solids, np.asarray(matrix, np.float32), float(length), width, height)
        for matrix, length in zip(np.asarray(camera_to_world), focal, strict=True)
    ]
    return Previz(frames=np.stack([frame for frame, _ in shown]), depth=np.stack([depth for _, depth in shown]))


def _solids(thing: StandIn) -> list[Solid]:
    parts = {"ball": _BALL, "box": _BOX, "pillar": _PILLAR, "figure": _FIGURE}[thing.kind]
    turn = pose.turned(yaw=thing.yaw_degrees)
    foot = np.array([thing.x, 0.0, thing.z])
    return [
        Solid(
            centre=np.asarray(foot + thing.size * (turn @ np.array(centre)), np.float32),
            axes=np.asarray(turn, np.float32),
            radii=np.asarray(thing.size * np.array(radii), np.float32),
            colour=np.asarray(thing.colour, np.float32),
            is_round=is_round,
        )
        for centre, radii, is_round in parts
    ]


def _obstacle(thing: StandIn) -> Obstacle:
    """Boxes are upright, so that turning one changes nothing: it counts as wide as its corners."""
    wide, high = {"ball": (0.5, 0.5), "box": (0.64, 0.45), "pillar": (0.29, 1.0), "figure": (0.34, 0.88)}[thing.kind]
    return Obstacle(
        name=thing.kind,
        centre=(thing.x, -high * thing.size, thing.z),
        radii=(wide * thing.size, high * thing.size, wide * thing.size),
        round=thing.kind == "ball",
    )


def _underground(path: CameraPath) -> Iterator[Problem]:
    poses, _ = path.at(np.linspace(0.0, 1.0, _CHECKED_FRAMES))
    below = np.flatnonzero(poses[:, 1, 3] > 0.0)
    if len(below):
        part = f"{100 * below[0] / (_CHECKED_FRAMES - 1):.0f} % of the way"
        yield Problem(field="camera", message=f"The camera is under the ground after {part}.", hint="Lift it.")
