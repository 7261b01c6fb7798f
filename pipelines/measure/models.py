"""How a camera may have moved, from the simplest to the richest, and which of these a clip calls for.

A richer model always explains more; it is taken only where the unexplained rest for every number that it leaves to
chance falls clearly (as in Torr's GRIC, 1998, with the noise judged from the clip itself).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.domain.camera import pose
from pipelines.measure.bundle import (
    Freedom,
    Reconstruction,
    Sightings,
    adjust,
    camera_points,
    errors,
    residuals,
    robust_cost,
)
from pipelines.measure.measured import Method
from pipelines.measure.structure import grown, start_pairs, triangulated

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

SCALE = 0.5
"""Pixels at the working size at which an error counts as large."""
CLEARLY = 4.0
"""The factor by which a richer model must lower the unexplained rest."""
NOISE = 0.25
"""Pixels of the clip that following a point may be off in any case."""
MOST = 0.75
RAMPS = (-0.7, 0.7)
"""Logarithms of whole zooms, out and in, that a camera is tried with that travels and zooms."""
WRONG_WAY = 1.5
"""Pixels by which a point must move against its own parallax to lie beyond infinity."""
NOWHERE, BY_CHANCE = 100.0, 0.03
"""How many times the cost is added for a world all of which lies beyond infinity, and the share that is forgiven."""
ALIKE = 1.1
"""The factor by which the cost of two explanations may differ that cannot be told apart."""


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
    places = np.full((count, frames, 2), np.nan)
    places[seen.track, seen.frame] = seen.xy
    turns, zoom = [np.eye(3)], [1.0]
    for index in range(1, frames):
        both = ~np.isnan(places[:, index - 1, 0]) & ~np.isnan(places[:, index, 0])
        turn, ratio = _turn(places[both, index - 1], places[both, index], lens * zoom[-1])
        turns.append(turn @ turns[-1])
        zoom.append(zoom[-1] * ratio if freedom.zoom else 1.0)
    rotation, zooms = np.stack(turns), np.array(zoom)
    points = directions(rotation, seen, lens * zooms[seen.frame, None], count)
    state = Reconstruction(rotation, np.zeros((frames, 3)), lens, zooms, points)
    state = adjust(state, seen, freedom, scale=4.0, rounds=8)
    return adjust(state, seen, freedom, scale=SCALE)


def _turn(first: FloatArray, second: FloatArray, lens: FloatArray) -> tuple[FloatArray, float]:
    """The small turn (3, 3) and zoom that take most places (K, 2) to theirs, from the plane's similarity."""
    found, _ = cv2.estimateAffinePartial2D(first, second, method=cv2.RANSAC, ransacReprojThreshold=2.0)
    if found is None:
        return np.eye(3), 1.0
    ratio = float(np.hypot(found[0, 0], found[1, 0]))
    roll = float(np.arctan2(found[1, 0], found[0, 0]))
    aside, down = np.arctan(np.asarray(found, np.float64)[:, 2] / lens)
    turn = pose.rotation_from_quaternion(pose.quaternion_from_vector([-down, aside, roll]))
    return turn, min(max(ratio, 0.5), 2.0)


def moving(seen: Sightings, lens: FloatArray, sizes: tuple[int, int], start: Reconstruction) -> Reconstruction:
    """A camera that turns and travels: the best of several starts. start: one that only turns."""
    count, frames = sizes
    few, kept = longest(seen, max(400, 25 * frames))
    many = len(kept)
    rays = np.full((many, frames, 2), np.nan)
    rays[few.track, few.frame] = few.xy / lens
    starts = [_with_depth(start, few, many, np.ones(frames))]
    for pair in start_pairs(rays, float(lens.mean())):
        state, placed = grown(few, pair, lens, (many, frames))
        if placed.all():
            starts.append(state)
    tried = [adjust(state, few, Freedom(), scale=SCALE, rounds=15) for state in starts]
    best = min(tried, key=lambda state: cost(state, few))
    best = _nearer_below(best, _mirror_image(best, few, Freedom()), few, cost)
    points = triangulated(best.rotation, best.translation, seen, lens, count)
    return adjust(replace(best, points=points), seen, Freedom(), scale=SCALE)


def zooming_while_moving(
    seen: Sightings, lens: FloatArray, sizes: tuple[int, int], starts: list[Reconstruction]
) -> Reconstruction:
    """A camera that turns, travels and zooms, the first focal length being `lens`.

    starts: the best that only turns and zooms, and one that travels. A dolly zoom hides the way in the zoom and the
    zoom in the way, so steady zooms in and out are tried as well. Along the line of sight both ways, towards the scene
    and its mirror image, explain the same exactly; only what is near below tells them apart.
    """
    count, frames = sizes
    few, kept = longest(seen, max(400, 25 * frames))
    both = Freedom(zoom=True)
    turned, moved = starts
    ramps = [np.exp(total * np.linspace(0.0, 1.0, frames)) for total in RAMPS]
    tried = [_with_depth(turned, few, len(kept), zoom) for zoom in (turned.zoom / turned.zoom[0], *ramps)]
    tried.append(replace(moved, points=moved.points[kept]))
    rough = [adjust(state, few, both, scale=4.0, rounds=10) for state in tried]
    fine = [adjust(state, few, both, scale=SCALE, rounds=15) for state in rough]
    best = min(fine, key=lambda state: _implausible(state, few))
    best = _nearer_below(best, _mirror_image(best, few, both), few, _implausible)
    zoomed = Sightings(seen.track, seen.frame, seen.xy / best.zoom[seen.frame, None], seen.trust)
    points = triangulated(best.rotation, best.translation, zoomed, lens, count)
    return adjust(replace(best, points=points), seen, both, scale=SCALE)


def _with_depth(start: Reconstruction, few: Sightings, many: int, zoom: FloatArray) -> Reconstruction:
    """The turning camera among points that are all equally far: from there it may begin to travel."""
    points = directions(start.rotation, few, start.lens * zoom[few.frame, None], many)
    points[:, 3] = 0.3
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    return replace(start, zoom=zoom, points=points)


def _mirror_image(state: Reconstruction, few: Sightings, freedom: Freedom) -> Reconstruction:
    """What is near taken for far, and the way for the way back: seen from far off, both look almost the same.

    The reversal of Necker's cube; a turn, and a zoom where it is free, make up for the rest of the difference.
    """
    near = state.points[:, 3] / np.linalg.norm(state.points[:, :3], axis=1).clip(1e-9)
    points = state.points / np.linalg.norm(state.points[:, :3], axis=1, keepdims=True).clip(1e-9)
    points[:, 3] = (2.0 * float(np.median(near)) - near).clip(0.0)
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    turned = replace(state, points=points, translation=-state.translation)
    turned = adjust(turned, few, replace(freedom, translation=False, points=False), scale=4.0, rounds=8)
    return adjust(turned, few, freedom, scale=SCALE, rounds=20)


def _nearer_below(
    one: Reconstruction, other: Reconstruction, few: Sightings, judged: Callable[[Reconstruction, Sightings], float]
) -> Reconstruction:
    """The better of both as they are judged; where they explain alike, the one whose lower part is nearer."""
    costs = judged(one, few), judged(other, few)
    if max(costs) > ALIKE * min(costs):
        return one if costs[0] <= costs[1] else other
    below = [float(np.corrcoef(few.xy[:, 1], _nearness(state, few))[0, 1]) for state in (one, other)]
    return other if np.nan_to_num(below[1]) > np.nan_to_num(below[0]) else one


def _implausible(state: Reconstruction, seen: Sightings) -> float:
    """The cost, and more of it where points would lie beyond infinity."""
    return cost(state, seen) * _strangeness(state, seen)


def _strangeness(state: Reconstruction, seen: Sightings) -> float:
    """1, and more where more points lie beyond infinity than wrong tracks would explain."""
    return 1.0 + NOWHERE * max(0.0, beyond(state, seen) - BY_CHANCE)


def beyond(state: Reconstruction, seen: Sightings) -> float:
    """The share of sightings of points that would have to lie beyond infinity, by more than following may be off.

    A lens that is taken for fixed while it zooms against the way puts them there.
    """
    centres = -np.einsum("fji,fj->fi", state.rotation, state.translation)
    away = np.linalg.norm(centres - centres.mean(0), axis=1)
    near = state.points[:, 3] / np.linalg.norm(state.points[:, :3], axis=1).clip(1e-9)
    shift = near[seen.track] * away[seen.frame] * float(state.lens.mean())
    return float((shift < -WRONG_WAY).mean())


def _nearness(state: Reconstruction, few: Sightings) -> FloatArray:
    """(M,) 1 / depth of each sighting's point, up to a factor."""
    depth = camera_points(state, few)[:, 2]
    return np.asarray(state.points[few.track, 3] / np.where(np.abs(depth) < 1e-9, 1e-9, depth))


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
    return Sightings(np.searchsorted(kept, few.track), few.frame, few.xy, few.trust), kept


def cost(state: Reconstruction, seen: Sightings) -> float:
    """What a reconstruction leaves unexplained, working pixels squared."""
    return robust_cost((residuals(state, seen) ** 2).sum(1), SCALE)


def rest(state: Reconstruction, seen: Sightings, freedom: Freedom) -> float:
    """The squared error that three quarters of the sightings stay below, for every number not chosen by the model.

    More where points lie beyond infinity.
    """
    points, frames = len(np.unique(seen.track)), len(state.rotation)
    chosen = (3 if freedom.translation else 2) * points
    chosen += (frames - 1) * (3 + 3 * freedom.translation + freedom.zoom)
    numbers = 2 * len(seen.track)
    square = float(np.quantile(errors(state, seen), MOST)) ** 2 * numbers / max(1, numbers - chosen)
    return square * _strangeness(state, seen) if freedom.translation else square


def unavoidable(scale: float) -> float:
    """A rest that says nothing against a model, at `scale` working pixels for one of the clip."""
    return (NOISE * max(1.0, scale)) ** 2


def simplest(models: list[Model], scale: float) -> Model:
    """The first of the models, simplest first, that leaves hardly more unexplained than the best of them."""
    least = min(model.rest for model in models)
    return next(model for model in models if model.rest <= CLEARLY * least + unavoidable(scale))
