"""How a camera may have moved, from the simplest to the richest, and which of these a clip calls for.

A richer model always explains more; it is taken only where the unexplained rest for every number that it leaves to
chance falls clearly (as in Torr's GRIC, 1998, with the noise judged from the clip itself).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pipelines.measure.bundle import Freedom, Reconstruction, Sightings, adjust, residuals, robust_cost
from pipelines.measure.measured import Method
from pipelines.measure.structure import grown, start_pairs, triangulated

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

SCALE = 0.5
"""Pixels at the working size at which an error counts as large."""
CLEARLY = 1.15
"""The factor by which a richer model must lower the unexplained rest."""


@dataclass(frozen=True, kw_only=True)
class Model:
    """A fitted way of moving. rest: robust squared error per degree of freedom, working pixels squared."""

    method: Method
    state: Reconstruction
    freedom: Freedom
    rest: float


def turning(seen: Sightings, lens: FloatArray, sizes: tuple[int, int], freedom: Freedom) -> Reconstruction:
    """A camera that only turns (and zooms, if free): neighbour by neighbour, then all at once."""
    count, frames = sizes
    rays = np.full((count, frames, 3), np.nan)
    rays[seen.track, seen.frame] = np.column_stack([seen.xy / lens, np.ones(len(seen.xy))])
    rays /= np.linalg.norm(rays, axis=2, keepdims=True)
    rotation = [np.eye(3)]
    for index in range(1, frames):
        both = ~np.isnan(rays[:, index - 1, 0]) & ~np.isnan(rays[:, index, 0])
        rotation.append(_turn(rays[both, index - 1], rays[both, index]) @ rotation[-1])
    turns = np.stack(rotation)
    points = directions(turns, seen, lens, count)
    state = Reconstruction(turns, np.zeros((frames, 3)), lens, np.ones(frames), points)
    state = adjust(state, seen, freedom, scale=4.0, rounds=6)
    return adjust(state, seen, freedom, scale=SCALE)


def _turn(first: FloatArray, second: FloatArray) -> FloatArray:
    """The rotation (3, 3) that takes most rays (K, 3) to theirs (Kabsch 1976, reweighted)."""
    weight = np.ones(len(first))
    rotation = np.eye(3)
    for _ in range(10):
        u, _, vt = np.linalg.svd((second * weight[:, None]).T @ first)
        rotation = u @ np.diag([1.0, 1.0, np.linalg.det(u @ vt)]) @ vt
        away = ((first @ rotation.T - second) ** 2).sum(1)
        weight = 1.0 / (away + np.median(away) + 1e-9)
    return np.asarray(rotation)


def moving(seen: Sightings, lens: FloatArray, sizes: tuple[int, int], start: Reconstruction) -> Reconstruction:
    """A camera that turns and travels: the best of several starts. start: one that only turns."""
    count, frames = sizes
    few, kept = longest(seen, max(400, 25 * frames))
    many = len(kept)
    rays = np.full((many, frames, 2), np.nan)
    rays[few.track, few.frame] = few.xy / lens
    starts = [_with_depth(start, few, many)]
    for pair in start_pairs(rays, float(lens.mean())):
        state, placed = grown(few, pair, lens, (many, frames))
        if placed.all():
            starts.append(state)
    tried = [adjust(state, few, Freedom(), scale=SCALE, rounds=15) for state in starts]
    best = min(tried, key=lambda state: cost(state, few))
    points = triangulated(best.rotation, best.translation, seen, lens, count)
    return adjust(replace(best, points=points), seen, Freedom(), scale=SCALE)


def _with_depth(start: Reconstruction, few: Sightings, many: int) -> Reconstruction:
    """The turning camera among points that are all equally far: from there it may begin to travel."""
    points = directions(start.rotation, few, start.lens, many)
    points[:, 3] = 0.3
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    return replace(start, zoom=np.ones_like(start.zoom), points=points)


def directions(rotation: FloatArray, seen: Sightings, lens: FloatArray, count: int) -> FloatArray:
    """Points at infinity (count, 4) where cameras that only turn see them on average."""
    ray = np.column_stack([seen.xy / lens, np.ones(len(seen.xy))])
    ray /= np.linalg.norm(ray, axis=1, keepdims=True)
    turned = np.einsum("mij,mi->mj", rotation[seen.frame], ray)
    total = np.stack([np.bincount(seen.track, turned[:, axis], count) for axis in range(3)], 1)
    return np.column_stack([total / np.linalg.norm(total, axis=1, keepdims=True), np.zeros(count)])


def longest(seen: Sightings, most: int) -> tuple[Sightings, IntArray]:
    """Each frame's longest tracks, about `most` in all, numbered anew; and which they were."""
    length = np.bincount(seen.track)
    frames = int(seen.frame.max()) + 1
    share = max(20, round(most * float(length[length > 0].mean()) / frames))
    order = np.lexsort((-length[seen.track], seen.frame))
    place = np.arange(len(order)) - np.searchsorted(seen.frame[order], seen.frame[order])
    kept = np.unique(seen.track[order[place < share]])
    few = seen.only(np.isin(seen.track, kept))
    return Sightings(np.searchsorted(kept, few.track), few.frame, few.xy), kept


def cost(state: Reconstruction, seen: Sightings) -> float:
    """What a reconstruction leaves unexplained, working pixels squared."""
    return robust_cost((residuals(state, seen) ** 2).sum(1), SCALE)


def rest(state: Reconstruction, seen: Sightings, freedom: Freedom) -> float:
    """`cost` for every number that the model does not choose itself."""
    points, frames = len(np.unique(seen.track)), len(state.rotation)
    chosen = (3 if freedom.translation else 2) * points
    chosen += (frames - 1) * (3 + 3 * freedom.translation + freedom.zoom)
    return cost(state, seen) / max(1, 2 * len(seen.track) - chosen)


def simplest(models: list[Model]) -> Model:
    """The first of the models, simplest first, that leaves hardly more unexplained than the best of them."""
    least = min(model.rest for model in models)
    return next(model for model in models if model.rest <= CLEARLY * least + 1e-4)
