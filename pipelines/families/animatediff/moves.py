"""A camera path as one of the eight moves that AnimateDiff has a motion LoRA for. Pure numpy."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from pipelines.domain.camera.path import CameraPath
from pipelines.domain.camera.pose import relative_to

MOVES = (
    *("zoom-in", "zoom-out", "pan-left", "pan-right"),
    *("tilt-up", "tilt-down", "rolling-clockwise", "rolling-anticlockwise"),
)
"""As their repositories are named."""

_FULL_TURN = 30.0  # degrees of turning that count as a move of full strength
_FULL_WAY = 1.5  # metres, with the subject some four metres off as on the stage
_LEAST = 0.1


@dataclass(frozen=True, kw_only=True)
class Move:
    """A move and how much of it, 0..1."""

    name: str
    strength: float


def main_move(path: CameraPath) -> Move | None:
    """What a path mostly does; None where it hardly moves. Everything else of it is lost."""
    poses, focal = path.sample(9)
    last = relative_to(poses, poses[0])[-1]
    forward, right, down = last[2, 3], last[0, 3], last[1, 3]
    yaw = math.degrees(math.atan2(last[0, 2], last[2, 2]))
    pitch = math.degrees(math.atan2(-last[1, 2], math.hypot(last[0, 2], last[2, 2])))
    roll = math.degrees(math.atan2(last[1, 0], last[0, 0])) if abs(yaw) < 60 else 0.0
    zoom = math.log2(float(focal[-1] / focal[0]))
    amounts = {
        ("zoom-in", "zoom-out"): forward / _FULL_WAY + zoom,
        ("pan-right", "pan-left"): yaw / _FULL_TURN + right / _FULL_WAY,
        ("tilt-up", "tilt-down"): pitch / _FULL_TURN - down / _FULL_WAY,
        ("rolling-clockwise", "rolling-anticlockwise"): roll / _FULL_TURN,
    }
    names, amount = max(amounts.items(), key=lambda item: abs(item[1]))
    if abs(amount) < _LEAST:
        return None
    return Move(name=names[0] if amount > 0 else names[1], strength=float(np.clip(abs(amount), 0.0, 1.0)))
