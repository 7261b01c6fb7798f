"""A picture with depth, seen from elsewhere: the warp that a camera path makes of it, with its holes.

Axes are OpenCV's: x right, y down, z forward; metres. The picture's own camera is the identity.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FAR_METRES = 1.0e4
FINER = 2
"""Depth is splatted from a grid this many times finer than the picture, so that coming closer tears no cracks."""
SAME_SURFACE = 0.08
"""Relative difference of depth up to which two points count as one surface."""

Floats = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, eq=False)
class Warped:
    """frames: uint8 (T, H, W, 3), grey where nothing is known. holes: bool (T, H, W), what the picture did not show."""

    frames: NDArray[np.uint8]
    holes: NDArray[np.bool_]


def warp(
    picture: NDArray[np.uint8],
    depth: NDArray[np.floating],
    focal: float,
    camera_to_world: NDArray[np.floating],
    focals: NDArray[np.floating],
) -> Warped:
    """Look at a picture uint8 (H, W, 3) with z-depth (H, W) in metres (inf = sky) from each camera of a path.

    focal: the picture's focal length in pixels; camera_to_world: (T, 4, 4), the identity being the picture's camera;
    focals: (T,) in pixels. The principal point is the middle of the picture.
    """
    near = _nearness(depth)
    points = _points(near, focal)
    frames, holes = [], []
    for pose, length in zip(np.asarray(camera_to_world, np.float32), np.asarray(focals, np.float32), strict=True):
        seen = _closed(_splat(points, pose, float(length), near.shape))
        frame, hole = _look_up(picture, near, focal, pose, float(length), seen)
        frames.append(frame)
        holes.append(hole)
    return Warped(frames=np.stack(frames), holes=np.stack(holes))


def _nearness(depth: NDArray[np.floating]) -> Floats:
    near: Floats = np.reciprocal(depth.astype(np.float32).clip(np.float32(1e-3), np.float32(FAR_METRES)))
    return near


def _points(near: Floats, focal: float) -> Floats:
    """World points (3, N), x, y and z each in one piece, of a grid FINER than the pixels."""
    height, width = near.shape
    deep = np.float32(1.0) / np.repeat(np.repeat(near, FINER, 0), FINER, 1)
    rows = (np.arange(height * FINER, dtype=np.float32) + 0.5) / FINER - height / 2
    columns = (np.arange(width * FINER, dtype=np.float32) + 0.5) / FINER - width / 2
    across, down = (columns / np.float32(focal)).astype(np.float32), (rows / np.float32(focal)).astype(np.float32)
    points: Floats = np.stack([deep * across, deep * down[:, None], deep]).reshape(3, -1)
    return points


def _splat(points: Floats, pose: Floats, focal: float, shape: tuple[int, int]) -> Floats:
    """Nearness (H, W) of the closest point in every pixel, 0 where there is none."""
    height, width = shape
    x, y, z = pose[:3, :3].T @ points - (pose[:3, :3].T @ pose[:3, 3])[:, None]
    near = np.float32(1.0) / np.where(z > np.float32(1e-2), z, np.float32(np.inf))
    column = x * near * np.float32(focal) + np.float32(width / 2)
    row = y * near * np.float32(focal) + np.float32(height / 2)
    outside = (near == 0) | (column < 0) | (column >= width) | (row < 0) | (row >= height)
    column[outside], row[outside] = 0, height  # one spare place after the last row
    place = row.astype(np.intp)
    place *= width
    place += column.astype(np.intp)
    buffer = np.zeros(height * width + 1, np.float32)
    np.maximum.at(buffer, place, near)
    return buffer[:-1].reshape(shape)


def _closed(near: Floats) -> Floats:
    """Close cracks of one or two pixels: a grey closing over 3 x 3."""
    wide = np.pad(near, 1)
    grown = _extreme(wide, np.maximum)
    shrunk = _extreme(np.pad(grown, 1, mode="edge"), np.minimum)
    return np.maximum(near, shrunk)


def _extreme(padded: Floats, which: np.ufunc) -> Floats:
    rows = which(which(padded[:-2], padded[1:-1]), padded[2:])
    result: Floats = which(which(rows[:, :-2], rows[:, 1:-1]), rows[:, 2:])
    return result


def _look_up(
    picture: NDArray[np.uint8], near: Floats, focal: float, pose: Floats, length: float, seen: Floats
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Colours (H, W, 3) where the seen surface lies in the picture, and where it does not."""
    height, width = near.shape
    places = np.flatnonzero(seen)
    depth = np.float32(1.0) / seen.reshape(-1)[places]
    x = (places % width + np.float32(0.5 - width / 2)).astype(np.float32) / np.float32(length) * depth
    y = (places // width + np.float32(0.5 - height / 2)).astype(np.float32) / np.float32(length) * depth
    column, row, ahead = pose[:3, :3] @ np.stack([x, y, depth]) + pose[:3, 3:4]
    forward = np.maximum(ahead, np.float32(1e-3))
    column = column / forward * np.float32(focal) + np.float32(width / 2)
    row = row / forward * np.float32(focal) + np.float32(height / 2)
    inside = (column > -0.5) & (column < width + 0.5) & (row > -0.5) & (row < height + 0.5) & (ahead > 0)
    here = near[row.astype(np.intp).clip(0, height - 1), column.astype(np.intp).clip(0, width - 1)]
    sure = inside & (np.abs(here * forward - np.float32(1.0)) < SAME_SURFACE)
    frame, hole = np.full((height * width, 3), 128, np.uint8), np.ones(height * width, bool)
    frame[places[sure]] = _bilinear(picture, column[sure] - np.float32(0.5), row[sure] - np.float32(0.5))
    hole[places[sure]] = False
    return frame.reshape(height, width, 3), hole.reshape(height, width)


def _bilinear(picture: NDArray[np.uint8], column: Floats, row: Floats) -> NDArray[np.uint8]:
    """Colours (n, 3) at places (n,) between the centres of pixels."""
    height, width = picture.shape[:2]
    column, row = column.clip(0, width - 1), row.clip(0, height - 1)
    left, top = column.astype(np.intp).clip(0, max(0, width - 2)), row.astype(np.intp).clip(0, max(0, height - 2))
    x, y = (column - left)[:, None], (row - top)[:, None]
    flat, corner = picture.reshape(-1, 3), top * width + left
    aside, below = min(1, width - 1), min(1, height - 1) * width
    upper = flat[corner] * (1 - x) + flat[corner + aside] * x
    lower = flat[corner + below] * (1 - x) + flat[corner + below + aside] * x
    mixed: NDArray[np.uint8] = (upper * (1 - y) + lower * y + np.float32(0.5)).astype(np.uint8)
    return mixed
