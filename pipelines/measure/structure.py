"""From tracks to a first reconstruction: two views, then one camera after the other.

Hartley and Zisserman, "Multiple view geometry" (2004); essential matrices by MAGSAC++ (Barath et al. 2020) and poses
from points (SQPnP, Terzakis and Lourakis 2020), both as OpenCV has them.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.measure.bundle import Freedom, Reconstruction, Sightings, adjust, errors

FloatArray = NDArray[np.float64]

MIN_SHARED = 16
WRONG = 4.0
"""Pixels at the working size above which a sighting does not belong to its point."""


@dataclass(frozen=True)
class TwoViews:
    """The second camera seen from the first: x2 ~ rotation @ x1 + translation, translation of length 1."""

    first: int
    second: int
    rotation: FloatArray
    translation: FloatArray
    inliers: int
    parallax_degrees: float

    @property
    def score(self) -> float:
        """How good a start this pair makes: many points, and seen under an angle."""
        return self.inliers * min(self.parallax_degrees, 6.0)


def two_views(rays: FloatArray, first: int, second: int, focal: float) -> TwoViews | None:
    """The relative pose of two frames, from rays (N, T, 2) = x/z, y/z; None where it cannot be told."""
    both = ~np.isnan(rays[:, first, 0]) & ~np.isnan(rays[:, second, 0])
    if both.sum() < MIN_SHARED:
        return None
    a, b = rays[both, first], rays[both, second]
    essential, inlying = cv2.findEssentialMat(
        a, b, np.eye(3), method=cv2.USAC_MAGSAC, prob=0.9999, threshold=1.0 / focal
    )
    if essential is None or np.shape(essential) != (3, 3):
        return None
    count, rotation, translation, good = cv2.recoverPose(essential, a, b, np.eye(3), mask=inlying)
    inliers = np.asarray(good)[:, 0] > 0
    if count < MIN_SHARED // 2:
        return None
    turn = np.asarray(rotation, dtype=np.float64)
    turned = np.column_stack([a[inliers], np.ones(inliers.sum())]) @ turn.T
    seen = np.column_stack([b[inliers], np.ones(inliers.sum())])
    cosine = (turned * seen).sum(1) / np.linalg.norm(turned, axis=1) / np.linalg.norm(seen, axis=1)
    parallax = float(np.degrees(np.median(np.arccos(np.clip(cosine, -1, 1)))))
    return TwoViews(first, second, turn, np.asarray(translation, float)[:, 0], int(inliers.sum()), parallax)


def start_pairs(rays: FloatArray, focal: float, *, most: int = 2) -> list[TwoViews]:
    """The best pairs to start from, spread over the clip."""
    frames = rays.shape[1]
    gaps = sorted({1, 3, 6, frames // 2} & set(range(1, frames)))
    step = max(1, frames // 8)
    tried = [two_views(rays, i, i + gap, focal) for gap in gaps for i in range(0, frames - gap, step)]
    found = sorted((pair for pair in tried if pair), key=lambda pair: -pair.score)
    chosen: list[TwoViews] = []
    for pair in found:
        if all(abs(pair.first - c.first) + abs(pair.second - c.second) > frames // 6 for c in chosen):
            chosen.append(pair)
    return chosen[:most]


def triangulated(
    rotation: FloatArray, translation: FloatArray, seen: Sightings, lens: FloatArray, count: int
) -> FloatArray:
    """Homogeneous points (count, 4) nearest to their sightings, by the direct linear transformation."""
    pose = np.concatenate([rotation, translation[:, :, None]], 2)[seen.frame]
    ray = seen.xy / lens
    rows = ray[:, :, None] * pose[:, 2:3] - pose[:, :2]
    form = np.zeros((count, 4, 4))
    np.add.at(form, seen.track, np.swapaxes(rows, 1, 2) @ rows)
    points = np.linalg.eigh(form)[1][:, :, 0]
    depth = np.einsum("mi,mi->m", pose[:, 2], points[seen.track])
    votes = np.bincount(seen.track, np.sign(depth), count)
    return np.asarray(points * np.where(votes < 0, -1.0, 1.0)[:, None])


def grown(
    seen: Sightings, pair: TwoViews, lens: FloatArray, sizes: tuple[int, int]
) -> tuple[Reconstruction, NDArray[np.bool_]]:
    """A reconstruction that starts from a pair and takes in camera after camera, and which frames it placed (F,).

    sizes: number of points and of frames.
    """
    count, frames = sizes
    state = Reconstruction(
        np.tile(np.eye(3), (frames, 1, 1)), np.zeros((frames, 3)), lens, np.ones(frames), np.zeros((count, 4))
    )
    state.rotation[pair.second], state.translation[pair.second] = pair.rotation, pair.translation
    placed = np.zeros(frames, dtype=bool)
    placed[[pair.first, pair.second]] = True
    state, known = _with_points(state, seen, placed)
    since = 0
    while not placed.all():
        index = _next_frame(seen, known, placed)
        if index is None or not _place(state, seen, known, index):
            break
        placed[index] = True
        since += 1
        state, known = _with_points(state, seen, placed)
        if since % 4 == 0:
            state = _settled(state, seen, placed, known, 5)
    return _settled(state, seen, placed, known, 10), placed


def _with_points(
    state: Reconstruction, seen: Sightings, placed: NDArray[np.bool_]
) -> tuple[Reconstruction, NDArray[np.bool_]]:
    """Points from all placed cameras, and which of them (P,) are seen twice and agree."""
    here = seen.only(placed[seen.frame])
    count = len(state.points)
    points = triangulated(state.rotation, state.translation, here, state.lens, count)
    state = Reconstruction(state.rotation, state.translation, state.lens, state.zoom, points)
    wrong = errors(state, here) > WRONG
    times = np.bincount(here.track, minlength=count)
    return state, (times >= 2) & (np.bincount(here.track, wrong, count) <= 0.3 * times)


def _next_frame(seen: Sightings, known: NDArray[np.bool_], placed: NDArray[np.bool_]) -> int | None:
    votes = np.bincount(seen.frame[known[seen.track]], minlength=len(placed))
    votes[placed] = -1
    best = int(np.argmax(votes))
    return best if votes[best] >= MIN_SHARED // 2 else None


def _place(state: Reconstruction, seen: Sightings, known: NDArray[np.bool_], index: int) -> bool:
    """Put camera `index` where the known points say. Changes the state's arrays."""
    here = seen.only((seen.frame == index) & known[seen.track])
    points = state.points[here.track]
    far = np.where(np.abs(points[:, 3:]) < 1e-4, np.where(points[:, 3:] < 0, -1e-4, 1e-4), points[:, 3:])
    solid = points[:, :3] / far
    rays = here.xy / state.lens
    ok, turn, shift, _ = cv2.solvePnPRansac(
        solid,
        rays,
        np.eye(3),
        None,
        iterationsCount=200,
        reprojectionError=3.0 / float(state.lens.mean()),
        confidence=0.999,
        flags=cv2.SOLVEPNP_SQPNP,
    )
    if not ok:
        return False
    state.rotation[index] = cv2.Rodrigues(turn)[0]
    state.translation[index] = np.asarray(shift, dtype=np.float64).reshape(3)
    return True


def _settled(
    state: Reconstruction, seen: Sightings, placed: NDArray[np.bool_], known: NDArray[np.bool_], rounds: int
) -> Reconstruction:
    """Bundle adjustment of what is placed so far."""
    here = seen.only(placed[seen.frame] & known[seen.track])
    return adjust(state, here, Freedom(), rounds=rounds)
