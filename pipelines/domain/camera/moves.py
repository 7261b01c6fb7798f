"""Camera moves by name.

Directions are the camera operator's own: "pan left" turns the camera to its left, so the picture's content moves right;
"truck left" moves it to its left without turning; "orbit left" moves it to its left on a circle round what it looks
at. "Pan" never means to travel and "zoom" never to come closer, as some models' presets have it. Every move is a change
from wherever it starts. To add one, add its line to `MOVES`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from pipelines.domain.camera.rig import Rig

Unit = Literal["degrees", "metres", "times", ""]
_OPPOSITE = frozenset({"left", "down", "out", "back"})


@dataclass(frozen=True, kw_only=True)
class Asked:
    """How much of a move is wanted at one key: `progress` 0..1 of `amount`; `number` counts the keys of the part."""

    direction: str
    amount: float
    progress: float
    seed: int = 0
    number: int = 0

    @property
    def signed(self) -> float:
        """The amount so far: positive to the right, up, in and ahead."""
        return (-self.amount if self.direction in _OPPOSITE else self.amount) * self.progress

    @property
    def ratio(self) -> float:
        """The logarithm of the ratio so far, of moves whose unit is "times"."""
        return (-1.0 if self.direction in _OPPOSITE else 1.0) * math.log(self.amount) * self.progress


@dataclass(frozen=True, kw_only=True)
class Move:
    """One preset.

    directions: the first is the default; none where there is only one way. unit: of the amount, "times" being a ratio;
    "" where it takes none. low..high: bounds of the amount. segments: how many spans between keys so large an amount
    needs to run true. is_steady: easing does not change it.
    """

    name: str
    help: str
    directions: tuple[str, ...] = ()
    unit: Unit = ""
    default: float = 0.0
    low: float = 0.0
    high: float = 0.0
    segments: Callable[[float], int]
    moved: Callable[[Asked], Rig]
    is_steady: bool = False


def _once(_: float) -> int:
    return 1


def _every(size: float, least: int = 1) -> Callable[[float], int]:
    return lambda amount: max(least, math.ceil(amount / size - 1e-9))


def _every_ratio(ratio: float) -> Callable[[float], int]:
    return lambda amount: max(1, math.ceil(math.log(amount) / math.log(ratio) - 1e-9))


def _arc(asked: Asked) -> Rig:
    return Rig(arc=asked.signed) if asked.direction in ("up", "down") else Rig(orbit=asked.signed)


def _spiral(asked: Asked) -> Rig:
    """Round the target while closing in to 60 % of the distance and rising by 20 degrees."""
    return Rig(orbit=asked.signed, closer=-math.log(0.6) * asked.progress, arc=20.0 * asked.progress)


def _flyover(asked: Asked) -> Rig:
    """Ahead over the ground, lifted by a quarter of the way in the middle."""
    return Rig(travel=asked.signed, pedestal=asked.amount * asked.progress * (1.0 - asked.progress))


def _handheld(asked: Asked) -> Rig:
    """Sway by at most half of `amount` metres in each axis, shake by at most 10 degrees per metre of it."""
    x, y, z, yaw, pitch, roll = np.random.default_rng((asked.seed, asked.number)).uniform(-0.5, 0.5, 6).tolist()
    far, turn = asked.amount, 20.0 * asked.amount
    return Rig(sway_x=far * x, sway_y=far * y, sway_z=far * z, yaw=turn * yaw, pitch=turn * pitch, roll=turn * roll)


_SIDES, _HEIGHTS, _DEPTHS = ("left", "right"), ("up", "down"), ("in", "out")

MOVES: tuple[Move, ...] = (
    Move(
        name="static",
        help="stands still",
        segments=_once,
        moved=lambda asked: Rig(),
        is_steady=True,
    ),
    Move(
        name="pan",
        help="turns to the side on the spot",
        directions=_SIDES,
        unit="degrees",
        default=30.0,
        low=0.1,
        high=720.0,
        segments=_every(15.0),
        moved=lambda asked: Rig(pan=asked.signed),
    ),
    Move(
        name="tilt",
        help="turns up or down on the spot",
        directions=_HEIGHTS,
        unit="degrees",
        default=15.0,
        low=0.1,
        high=180.0,
        segments=_every(15.0),
        moved=lambda asked: Rig(tilt=asked.signed),
    ),
    Move(
        name="roll",
        help="turns about its line of sight",
        directions=_SIDES,
        unit="degrees",
        default=20.0,
        low=0.1,
        high=1440.0,
        segments=_every(45.0),
        moved=lambda asked: Rig(roll=asked.signed),
    ),
    Move(
        name="truck",
        help="travels sideways without turning",
        directions=_SIDES,
        unit="metres",
        default=1.0,
        low=0.01,
        high=100.0,
        segments=_once,
        moved=lambda asked: Rig(truck=asked.signed),
    ),
    Move(
        name="pedestal",
        help="rises or sinks without turning",
        directions=_HEIGHTS,
        unit="metres",
        default=0.5,
        low=0.01,
        high=100.0,
        segments=_once,
        moved=lambda asked: Rig(pedestal=asked.signed),
    ),
    Move(
        name="dolly",
        help="travels along its line of sight",
        directions=_DEPTHS,
        unit="metres",
        default=1.0,
        low=0.01,
        high=100.0,
        segments=_once,
        moved=lambda asked: Rig(dolly=asked.signed),
    ),
    Move(
        name="zoom",
        help="changes the focal length only",
        directions=_DEPTHS,
        unit="times",
        default=1.5,
        low=1.01,
        high=10.0,
        segments=_once,
        moved=lambda asked: Rig(zoom=asked.ratio),
    ),
    Move(
        name="dolly-zoom",
        help="travels while the lens keeps the target's size",
        directions=_DEPTHS,
        unit="times",
        default=1.5,
        low=1.01,
        high=5.0,
        segments=_every_ratio(1.12),
        moved=lambda asked: Rig(closer=asked.ratio, zoom=-asked.ratio),
    ),
    Move(
        name="orbit",
        help="circles round what it looks at",
        directions=_SIDES,
        unit="degrees",
        default=90.0,
        low=0.1,
        high=1440.0,
        segments=_every(22.5, least=2),
        moved=lambda asked: Rig(orbit=asked.signed),
    ),
    Move(
        name="arc",
        help="swings round or over what it looks at",
        directions=(*_SIDES, *_HEIGHTS),
        unit="degrees",
        default=45.0,
        low=0.1,
        high=180.0,
        segments=_every(15.0, least=2),
        moved=_arc,
    ),
    Move(
        name="spiral",
        help="circles, rises and closes in",
        directions=_SIDES,
        unit="degrees",
        default=360.0,
        low=1.0,
        high=1440.0,
        segments=_every(22.5, least=2),
        moved=_spiral,
    ),
    Move(
        name="crane",
        help="rises or sinks and keeps looking at its target",
        directions=_HEIGHTS,
        unit="metres",
        default=1.0,
        low=0.01,
        high=100.0,
        segments=_once,
        moved=lambda asked: Rig(crane=asked.signed),
    ),
    Move(
        name="push-in",
        help="comes so many times closer to its target",
        unit="times",
        default=1.5,
        low=1.01,
        high=10.0,
        segments=_every_ratio(1.25),
        moved=lambda asked: Rig(closer=asked.ratio),
    ),
    Move(
        name="pull-out",
        help="goes so many times farther from its target",
        unit="times",
        default=1.5,
        low=1.01,
        high=10.0,
        segments=_every_ratio(1.25),
        moved=lambda asked: Rig(closer=-asked.ratio),
    ),
    Move(
        name="flyover",
        help="flies ahead over its target",
        directions=("ahead", "back"),
        unit="metres",
        default=8.0,
        low=0.1,
        high=1000.0,
        segments=lambda amount: 6,
        moved=_flyover,
    ),
    Move(
        name="handheld",
        help="sways like a camera in the hand",
        unit="metres",
        default=0.05,
        low=0.001,
        high=1.0,
        segments=lambda amount: 12,
        moved=_handheld,
        is_steady=True,
    ),
)
"""Every move, in the order in which they are offered."""


def move_named(name: str) -> Move | None:
    """The move of that name, None where there is none."""
    return next((move for move in MOVES if move.name == name), None)
