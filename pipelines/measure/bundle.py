"""Bundle adjustment: all camera poses, points and lenses at once, by Levenberg-Marquardt on the reduced camera system.

Triggs et al., "Bundle adjustment - a modern synthesis" (2000). Points are homogeneous unit 4-vectors, so that a point
at infinity, and with it a camera that only turns, is an ordinary value. Errors weigh as Cauchy's distribution says.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pipelines.domain.camera import pose

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Sightings:
    """What was seen: point `track[m]` in frame `frame[m]` at `xy[m]`, pixels from the picture's centre.

    trust: (M, 2, 2) multiplies an error (x, y): near the identity where both directions are well seen, near zero along
    an edge, on which a point may slide.
    """

    track: IntArray
    frame: IntArray
    xy: FloatArray
    trust: FloatArray

    def only(self, chosen: NDArray[np.bool_]) -> Sightings:
        return Sightings(self.track[chosen], self.frame[chosen], self.xy[chosen], self.trust[chosen])


@dataclass(frozen=True)
class Reconstruction:
    """Cameras and points.

    rotation (F, 3, 3) and translation (F, 3) take the world to each camera (x right, y down, z forward); lens (2,)
    focal lengths fx, fy in pixels; zoom (F,) multiplies both; points (P, 4) homogeneous, unit length.
    """

    rotation: FloatArray
    translation: FloatArray
    lens: FloatArray
    zoom: FloatArray
    points: FloatArray


@dataclass(frozen=True, kw_only=True)
class Freedom:
    """What may move besides the rotations. lens: "fixed", "one" factor for fx and fy, "fx" alone, or "both"."""

    translation: bool = True
    lens: Literal["fixed", "one", "fx", "both"] = "fixed"
    zoom: bool = False
    points: bool = True


def camera_points(state: Reconstruction, seen: Sightings) -> FloatArray:
    """(M, 3) each sighting's point in its camera's axes, up to a positive factor."""
    x = state.points[seen.track]
    turned = np.einsum("mij,mj->mi", state.rotation[seen.frame], x[:, :3])
    return np.asarray(turned + x[:, 3:] * state.translation[seen.frame])


def residuals(state: Reconstruction, seen: Sightings) -> FloatArray:
    """(M, 2) projected minus seen, in pixels, as far as they are trusted."""
    return _trusted(seen, _project(camera_points(state, seen), state, seen) - seen.xy)


def _trusted(seen: Sightings, error: FloatArray) -> FloatArray:
    return np.asarray((seen.trust @ error[:, :, None])[:, :, 0])


def _project(p: FloatArray, state: Reconstruction, seen: Sightings) -> FloatArray:
    depth = np.where(np.abs(p[:, 2:]) < 1e-9, 1e-9, p[:, 2:])
    return np.asarray(p[:, :2] / depth * state.lens * state.zoom[seen.frame, None])


def errors(state: Reconstruction, seen: Sightings) -> FloatArray:
    """(M,) distance in pixels between where a point should be and was seen; infinite behind the camera."""
    p = camera_points(state, seen)
    distance = np.linalg.norm(_trusted(seen, _project(p, state, seen) - seen.xy), axis=1)
    return np.where(p[:, 2] > 0, distance, np.inf)


def robust_cost(squared: FloatArray, scale: float) -> float:
    """Cauchy's cost of squared errors (M,)."""
    return float(np.sum(np.log1p(squared / scale**2))) * scale**2


def adjust(
    state: Reconstruction, seen: Sightings, freedom: Freedom, *, scale: float = 1.0, rounds: int = 30
) -> Reconstruction:
    """The nearby reconstruction that explains the sightings best. scale: pixels at which an error counts as large."""
    free = _free(len(state.rotation), freedom)
    damping = 1e-3
    cost = robust_cost((residuals(state, seen) ** 2).sum(1), scale)
    for _ in range(rounds):
        system = _linearised(state, seen, freedom, scale)
        better = None
        while damping < 1e6:
            tried = _moved(state, *_solved(system, free, damping, freedom.points), freedom)
            new = robust_cost((residuals(tried, seen) ** 2).sum(1), scale)
            if new < cost:
                better = tried
                break
            damping *= 5.0
        if better is None:
            break
        gain, cost, state = (cost - new) / cost, new, better
        damping = max(damping / 5.0, 1e-8)
        if gain < 1e-5:
            break
    return state


@dataclass(frozen=True)
class _System:
    """Normal equations: cameras (C, C), (C,); points (P, 3, 3), (P, 3); mixed (3, P, C); basis (P, 4, 3)."""

    cameras: FloatArray
    camera_side: FloatArray
    points: FloatArray
    point_side: FloatArray
    mixed: FloatArray
    basis: FloatArray


def _free(frames: int, freedom: Freedom) -> NDArray[np.bool_]:
    """Which of the 6F + 2 + F camera numbers may move: turn and shift per frame, ln fx, ln fy, ln zoom per frame."""
    free = np.zeros(7 * frames + 2, dtype=bool)
    numbers = free[: 6 * frames].reshape(frames, 6)
    numbers[1:, :3] = True
    numbers[1:, 3:] = freedom.translation
    free[6 * frames] = freedom.lens != "fixed"
    free[6 * frames + 1] = freedom.lens == "both"
    free[6 * frames + 3 :] = freedom.zoom
    return free


def _linearised(state: Reconstruction, seen: Sightings, freedom: Freedom, scale: float) -> _System:
    frames, count = len(state.rotation), len(state.points)
    p = camera_points(state, seen)
    seen_at = _project(p, state, seen)
    error = _trusted(seen, seen_at - seen.xy)
    weight = 1.0 / (1.0 + (error**2).sum(1) / scale**2)
    focal = state.lens * state.zoom[seen.frame, None]
    by_point = _projection_slopes(p, focal)
    w = state.points[seen.track, 3]
    turn = by_point @ -_cross(p - w[:, None] * state.translation[seen.frame])
    place = np.concatenate([turn, by_point * w[:, None, None]], 2)
    lens = seen_at[:, :, None] * (np.ones((2, 2)) if freedom.lens == "one" else np.eye(2))
    if freedom.lens == "one":
        lens = lens * np.array([1.0, 0.0])
    extra = np.concatenate([lens, seen_at[:, :, None]], 2)
    basis = _tangents(state.points)
    world = np.concatenate([state.rotation, state.translation[:, :, None]], 2)
    point = by_point @ world[seen.frame] @ basis[seen.track]
    slopes = (seen.trust @ place, seen.trust @ extra, seen.trust @ point)
    return _assembled(seen, slopes, error, weight, (frames, count), basis)


def _cross(v: FloatArray) -> FloatArray:
    """(M, 3, 3) with _cross(v) @ x = v x x."""
    x, y, z = v.T
    zero = np.zeros_like(x)
    return np.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).reshape(-1, 3, 3)


def _projection_slopes(p: FloatArray, focal: FloatArray) -> FloatArray:
    """(M, 2, 3) how the seen place moves with the point in camera axes."""
    depth = np.where(np.abs(p[:, 2]) < 1e-9, 1e-9, p[:, 2])
    slopes = np.zeros((len(p), 2, 3))
    slopes[:, 0, 0], slopes[:, 1, 1] = focal[:, 0] / depth, focal[:, 1] / depth
    slopes[:, :, 2] = -focal * p[:, :2] / depth[:, None] ** 2
    return slopes


def _tangents(points: FloatArray) -> FloatArray:
    """(P, 4, 3) the three directions in which a unit 4-vector can move, by a Householder reflection."""
    sign = np.where(points[:, 3] < 0, -1.0, 1.0)
    v = points.copy()
    v[:, 3] += sign
    mirror = np.eye(4) - 2.0 * v[:, :, None] * v[:, None, :] / (v**2).sum(1)[:, None, None]
    return np.asarray(mirror[:, :, :3])


def _assembled(
    seen: Sightings,
    slopes: tuple[FloatArray, FloatArray, FloatArray],
    error: FloatArray,
    weight: FloatArray,
    sizes: tuple[int, int],
    basis: FloatArray,
) -> _System:
    frames, count = sizes
    place, extra, point = slopes
    width = 7 * frames + 2
    camera = np.concatenate([place, extra], 2)
    weighted = np.swapaxes(camera * weight[:, None, None], 1, 2)
    cameras, camera_side = np.zeros((width, width)), np.zeros(width)
    blocks = _summed(seen.frame, weighted @ camera, frames)
    sides = _summed(seen.frame, (weighted @ error[:, :, None])[:, :, 0], frames)
    for frame in range(frames):
        at = _columns(frame, frames)
        cameras[np.ix_(at, at)] += blocks[frame]
        camera_side[at] += sides[frame]
    each = weighted @ point
    per_frame = np.zeros((count, frames, 7, 3))
    per_frame[seen.track, seen.frame, :6] = each[:, :6]
    per_frame[seen.track, seen.frame, 6] = each[:, 8]
    lens = _summed(seen.track, each[:, 6:8], count)
    pose_part = per_frame[:, :, :6].reshape(count, 6 * frames, 3)
    mixed = np.ascontiguousarray(np.concatenate([pose_part, lens, per_frame[:, :, 6]], 1).transpose(2, 0, 1))
    light = np.swapaxes(point * weight[:, None, None], 1, 2)
    points = _summed(seen.track, light @ point, count)
    point_side = _summed(seen.track, (light @ error[:, :, None])[:, :, 0], count)
    return _System(cameras, camera_side, points, point_side, mixed, basis)


def _summed(index: IntArray, values: FloatArray, count: int) -> FloatArray:
    """(count, ...) sums of values (M, ...) that carry the same index."""
    order = np.argsort(index, kind="stable")
    held, starts = np.unique(index[order], return_index=True)
    result = np.zeros((count, *values.shape[1:]))
    if len(held):
        result[held] = np.add.reduceat(values[order], starts, axis=0)
    return result


def _columns(frame: int, frames: int) -> IntArray:
    """(9,) where the numbers of a frame's camera stand: six of its pose, two of the lens, one of its zoom."""
    return np.array([*range(6 * frame, 6 * frame + 6), 6 * frames, 6 * frames + 1, 6 * frames + 2 + frame])


def _solved(
    system: _System, free: NDArray[np.bool_], damping: float, with_points: bool
) -> tuple[FloatArray, FloatArray]:
    """Steps of the cameras (C,) and of the points (P, 4)."""
    step = np.zeros(len(free))
    cameras, own = system.cameras[np.ix_(free, free)], np.diag(system.cameras)[free]
    ridge = np.diag(damping * own + 1e-9 + 1e-9 * float(own.mean()))
    if not with_points:
        step[free] = -np.linalg.solve(cameras + ridge, system.camera_side[free])
        return step, np.zeros(system.basis.shape[:2])
    root, white = _points_out(system, free, damping)
    own_side = np.einsum("pjk,pj->kp", root, system.point_side).reshape(-1)
    step[free] = -np.linalg.solve(cameras - white.T @ white + ridge, system.camera_side[free] - white.T @ own_side)
    inner = -(own_side + white @ step[free]).reshape(3, -1).T
    return step, np.einsum("pij,pjk,pk->pi", system.basis, root, inner, optimize=True)


def _points_out(system: _System, free: NDArray[np.bool_], damping: float) -> tuple[FloatArray, FloatArray]:
    """The points' own part (P, 3, 3) and what it takes from the cameras (3 P, C'), each as a root of the whole."""
    diagonal = np.einsum("pii->pi", system.points)
    floor = 1e-9 + 1e-6 * float(diagonal.mean())
    damped = system.points + (damping * diagonal + floor)[:, :, None] * np.eye(3)
    root = np.linalg.cholesky(np.linalg.inv(damped))
    mixed = system.mixed[:, :, free]
    white = np.stack([sum(mixed[j] * root[:, j, k, None] for j in range(k, 3)) for k in range(3)])
    return root, white.reshape(-1, mixed.shape[2])


def information(
    state: Reconstruction, seen: Sightings, freedom: Freedom, *, scale: float = 1.0
) -> tuple[FloatArray, NDArray[np.bool_]]:
    """What sightings of one pixel's spread say of the cameras when the points are left open: the inverse covariance
    (C', C') of the free ones of 6 F + 2 + F numbers, and which these are. Numbers as in `_free`."""
    free = _free(len(state.rotation), freedom)
    system = _linearised(state, seen, freedom, scale)
    white = _points_out(system, free, 0.0)[1]
    return np.asarray(system.cameras[np.ix_(free, free)] - white.T @ white), free


def _moved(state: Reconstruction, step: FloatArray, shift: FloatArray, freedom: Freedom) -> Reconstruction:
    frames = len(state.rotation)
    numbers = step[: 6 * frames].reshape(frames, 6)
    points = state.points + shift
    lens = step[6 * frames : 6 * frames + 2]
    if freedom.lens == "one":
        lens = lens[[0, 0]]
    return replace(
        state,
        rotation=pose.rotation_from_quaternion(pose.quaternion_from_vector(numbers[:, :3])) @ state.rotation,
        translation=state.translation + numbers[:, 3:],
        points=points / np.linalg.norm(points, axis=1, keepdims=True),
        lens=state.lens * np.exp(np.clip(lens, -0.5, 0.5)),
        zoom=state.zoom * np.exp(np.clip(step[6 * frames + 2 :], -0.5, 0.5)),
    )
