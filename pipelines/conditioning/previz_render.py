"""Ray casting of the stage: ellipsoids and boxes on a tiled ground, one sun with shadows on the ground, a plain sky."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

_SUN = np.array([-0.42, -0.78, -0.46], np.float32)
"""Direction to the sun: left, above and behind a camera that looks along z."""
_ZENITH, _HORIZON = np.array([0.45, 0.58, 0.76], np.float32), np.array([0.78, 0.83, 0.88], np.float32)
_TILES = np.array([[0.43, 0.44, 0.46], [0.33, 0.34, 0.36]], np.float32)
_HAZE_METRES = 50.0
_SEEN_TILES_METRES = 12.0
_AMBIENT, _SHADOW = 0.38, 0.45
_FARTHEST_METRES = 2000.0
_NEAREST_METRES = 0.01


@dataclass(frozen=True, kw_only=True, eq=False)
class Solid:
    """A box, or an ellipsoid: centre (3,), axes as columns (3, 3), half sizes `radii` (3,), colour (3,) in 0..1."""

    centre: Array
    axes: Array
    radii: Array
    colour: Array
    is_round: bool


def draw_frame(
    solids: list[Solid], matrix: Array, focal: float, width: int, height: int
) -> tuple[NDArray[np.uint8], Array]:
    """One picture uint8 (H, W, 3) and its z-depth float32 (H, W), inf in the sky, from a pose (4, 4)."""
    eye, rays = matrix[:3, 3], _rays(matrix, focal, width, height)
    depth = _ground_depth(eye, rays)
    colour = _ground_and_sky(solids, eye, rays, depth)
    for solid in solids:
        window = _window(solid, matrix, focal, width, height)
        if window is not None:
            _draw(solid, eye, rays[window], depth[window], colour[window])
    far = np.where(np.isinf(depth), np.float32(0.0), depth)
    haze = (np.float32(1.0) - np.exp(far / np.float32(-_HAZE_METRES)))[..., None]
    colour += haze * (_HORIZON - colour)
    return (colour.clip(0.0, 1.0) * np.float32(255.0) + np.float32(0.5)).astype(np.uint8), depth


def _rays(matrix: Array, focal: float, width: int, height: int) -> Array:
    """World directions (H, W, 3) whose z in the camera is 1: a multiple of one is a z-depth."""
    x = (np.arange(width, dtype=np.float32) + np.float32(0.5 - width / 2)) / np.float32(focal)
    y = (np.arange(height, dtype=np.float32) + np.float32(0.5 - height / 2)) / np.float32(focal)
    rows = y[:, None, None] * matrix[:3, 1] + matrix[:3, 2]
    return np.asarray(x[None, :, None] * matrix[:3, 0] + rows, np.float32)


def _ground_depth(eye: Array, rays: Array) -> Array:
    down = rays[..., 1]
    with np.errstate(divide="ignore", invalid="ignore"):
        depth = -eye[1] / down
    return np.where((depth > _NEAREST_METRES) & (depth < _FARTHEST_METRES), depth, np.float32(np.inf))


def _ground_and_sky(solids: list[Solid], eye: Array, rays: Array, depth: Array) -> Array:
    rise = (-rays[..., 1] / np.sqrt((rays * rays).sum(-1))).clip(0.0, 1.0)[..., None]
    colour = np.asarray(_HORIZON + rise * (_ZENITH - _HORIZON), np.float32)
    ground = np.isfinite(depth)
    away = depth[ground]
    places = eye + rays[ground] * away[:, None]
    odd = (np.floor(places[:, 0]) + np.floor(places[:, 2])).astype(np.int64) & 1
    mean = _TILES.mean(axis=0)
    contrast = np.exp(away / np.float32(-_SEEN_TILES_METRES))[:, None]
    tiles = mean + contrast * (_TILES[odd] - mean)
    colour[ground] = np.where(_in_shadow(solids, places)[:, None], tiles * np.float32(_SHADOW), tiles)
    return colour


def _in_shadow(solids: list[Solid], places: Array) -> NDArray[np.bool_]:
    """Which places (n, 3) on the ground a solid keeps from the sun: bool (n,)."""
    sun = _SUN / np.linalg.norm(_SUN)
    dark = np.zeros(len(places), bool)
    for solid in solids:
        offset = places[:, ::2] - (solid.centre + sun * (solid.centre[1] / -sun[1]))[::2]
        reach = float(np.linalg.norm(solid.radii)) / abs(float(sun[1]))
        near = np.flatnonzero((np.abs(offset[:, 0]) < reach) & (np.abs(offset[:, 1]) < reach) & ~dark)
        if len(near):
            rays = np.broadcast_to(sun, (len(near), 3))
            dark[near] = np.isfinite(_hit(solid, places[near] - solid.centre, rays))
    return dark


def _window(solid: Solid, matrix: Array, focal: float, width: int, height: int) -> tuple[slice, slice] | None:
    """The rows and columns that a solid can be seen in; None where it is out of sight."""
    reach = float(np.linalg.norm(solid.radii)) if not solid.is_round else float(solid.radii.max())
    x, y, z = (float(value) for value in matrix[:3, :3].T @ (solid.centre - matrix[:3, 3]))
    if z < -reach:
        return None
    if z < 1.5 * reach:
        return slice(0, height), slice(0, width)
    spread = 1.5 * reach * focal / (z - reach)
    column, row = width / 2 + focal * x / z, height / 2 + focal * y / z
    stretch = 1.0 + (abs(x) + abs(y)) / z
    rows = slice(max(0, int(row - spread * stretch)), max(0, min(height, int(row + spread * stretch) + 2)))
    columns = slice(max(0, int(column - spread * stretch)), max(0, min(width, int(column + spread * stretch) + 2)))
    return (rows, columns) if rows.start < rows.stop and columns.start < columns.stop else None


def _hit(solid: Solid, origin: Array, rays: Array) -> Array:
    """How many rays (..., 3) from `origin`, relative to the centre, until the solid: (...), inf where they miss it."""
    start, way = (origin @ solid.axes) / solid.radii, (rays @ solid.axes) / solid.radii
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if solid.is_round:
            a, b = (way * way).sum(-1), (way * start).sum(-1)
            rest = b * b - a * ((start * start).sum(-1) - np.float32(1.0))
            near = (-b - np.sqrt(rest)) / a
            met = rest > 0
        else:
            first, second = (-1.0 - start) / way, (1.0 - start) / way
            near = np.minimum(first, second).max(-1)
            met = near < np.maximum(first, second).min(-1)
    return np.where(met & (near > _NEAREST_METRES), near, np.float32(np.inf)).astype(np.float32)


def _draw(solid: Solid, eye: Array, rays: Array, depth: Array, colour: Array) -> None:
    """Draw a solid into views of the picture and its depth, where it is nearer than what is there."""
    found = _hit(solid, eye - solid.centre, rays)
    closer = found < depth
    depth[closer] = found[closer]
    local = ((eye - solid.centre + rays[closer] * found[closer][:, None]) @ solid.axes) / solid.radii
    if solid.is_round:
        normal = local / solid.radii
    else:
        side = np.abs(local).argmax(axis=1)
        normal = np.zeros_like(local)
        normal[np.arange(len(side)), side] = np.sign(local[np.arange(len(side)), side])
    normal = (normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)) @ solid.axes.T
    lit = (normal @ (_SUN / np.linalg.norm(_SUN))).clip(0.0, 1.0)
    shade = np.float32(_AMBIENT) - np.float32(0.12) * normal[:, 1] + np.float32(0.7) * lit
    colour[closer] = solid.colour * shade[:, None]
