"""How far a reconstruction may be off, as the sightings themselves tell: the covariance of the cameras."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipelines.measure.bundle import Freedom, Reconstruction, Sightings, information
from pipelines.measure.models import SCALE, rest

FloatArray = NDArray[np.float64]

WITHIN = 2.77
"""Three quarters of plane errors of spread 1 have a square below this."""
DRIFT = 10.0
"""How many times larger errors are than independent sightings would make them: a point that slides, slides on."""


def doubts(state: Reconstruction, seen: Sightings, freedom: Freedom) -> tuple[float, float | None]:
    """The errors to be expected, meant over the frames after the first: degrees, and share of the way.

    Small where every direction of motion is held by well-seen points, large where a turn and a step look alike. The
    share is None for a camera that only turns. Wrong ideas of the lens and of what stands still are not in it.
    """
    frames = len(state.rotation)
    if frames < 2:
        return 0.0, None
    known, free = information(state, seen, freedom, scale=SCALE)
    if freedom.translation:
        known = known + _one_scale(state, free, float(np.trace(known)))
    noise = DRIFT**2 * rest(state, seen, freedom) / WITHIN
    spread = noise * np.linalg.pinv(known, rcond=1e-14, hermitian=True)
    whole = np.zeros((len(free), len(free)))
    whole[np.ix_(free, free)] = spread
    blocks = [whole[6 * f : 6 * f + 6, 6 * f : 6 * f + 6] for f in range(1, frames)]
    turns = [np.sqrt(max(0.0, float(np.trace(block[:3, :3])))) for block in blocks]
    degrees = float(np.degrees(np.mean(turns)))
    if not freedom.translation:
        return degrees, None
    centres = -np.einsum("fji,fj->fi", state.rotation, state.translation)
    length = float(np.linalg.norm(np.diff(centres, axis=0), axis=1).sum())
    away = [np.sqrt(max(0.0, _placed(block, state.translation[f]))) for f, block in enumerate(blocks, 1)]
    return degrees, float(np.mean(away)) / max(length, 1e-12)


def _one_scale(state: Reconstruction, free: NDArray[np.bool_], weight: float) -> FloatArray:
    """Holds the length of all ways together, which pictures cannot tell and no one asks for."""
    direction = np.zeros(len(free))
    direction[: 6 * len(state.rotation)].reshape(-1, 6)[:, 3:] = state.translation
    direction = direction[free] / max(float(np.linalg.norm(direction[free])), 1e-12)
    return weight * np.outer(direction, direction)


def _placed(block: FloatArray, translation: FloatArray) -> float:
    """The squared spread of a camera's place, from the covariance (6, 6) of its turn and shift."""
    x, y, z = translation
    crossed = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    slope = np.concatenate([-crossed, -np.eye(3)], 1)
    return float(np.trace(slope @ block @ slope.T))
