"""A picture lifted by its depth, and seen along a camera path: the warp a model is given, with what it does not show.

What the camera looks at in the first frame is taken for the picture's subject: relative depth has no unit of its own,
so the subject is put as far away as the path says. Shapes as in `pipelines.domain.camera.warp`.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.domain.camera.path import CameraPath
from pipelines.domain.camera.pose import focal_pixels, relative_to
from pipelines.domain.camera.warp import FAR_METRES, Warped, warp

AWAY_METRES = 4.0
"""How far the subject is where the first key looks freely."""
EDGE_SHARE = 1 / 40
"""An estimate's edges are ramps about this share of the picture wide; they become steps."""
STANDS_OUT = 1.15
LEAST_STEP = 0.06
"""Of the nearest value: smaller differences within an edge's width are no edge."""
LEAST_SHARE = 0.01
MASK_PIXELS = 128
"""A mask grows by one pixel for as many pixels of the shorter side."""

Floats = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, eq=False)
class Lifted:
    """closeness: float32 (H, W), distance of the subject divided by that of the pixel: 1 = the subject, 0 = sky."""

    picture: NDArray[np.uint8]
    closeness: Floats

    def depth(self, subject_metres: float) -> Floats:
        """z-depth (H, W) in metres, inf in the sky, where the subject is so far away."""
        with np.errstate(divide="ignore"):
            deep: Floats = np.float32(subject_metres) / self.closeness
        return deep


def lifted(picture: NDArray[np.uint8], nearness: NDArray[np.floating]) -> Lifted:
    """A picture (H, W, 3) with its relative inverse depth (H, W), larger = nearer, 0 = the sky."""
    near = _stepped(np.maximum(nearness, 0.0).astype(np.float32))
    near = near / np.float32(_subject(near))
    near[near < AWAY_METRES / FAR_METRES] = 0.0
    return Lifted(picture=picture, closeness=near)


def _stepped(near: Floats) -> Floats:
    """Ramps at the edges of things become steps, each pixel going with the nearer value of its surroundings.

    A ground that recedes is steep from row to row but alike along each row: it stays smooth.
    """
    side = 2 * max(1, round(min(near.shape) * EDGE_SHARE)) + 1
    low, high = _range(near, side, side)
    least = LEAST_STEP * float(near.max())
    across = np.subtract(*_range(near, side, 1)[::-1])
    down = np.subtract(*_range(near, 1, side)[::-1])
    usual = 2.5 * np.median(down, axis=1, keepdims=True)
    steep = (high > STANDS_OUT * low) & ((across > least) | (down > np.maximum(usual, least)))
    closer = np.where(near - low > high - near, high, low)
    return np.where(steep, closer, near).astype(np.float32)


def _range(near: Floats, wide: int, high: int) -> tuple[Floats, Floats]:
    """The smallest and the largest value in a box about every pixel."""
    box = np.ones((high, wide), np.uint8)
    return cv2.erode(near, box).astype(np.float32), cv2.dilate(near, box).astype(np.float32)


def _subject(near: Floats) -> float:
    """The nearness of what stands out of its row; else of the middle, else of the nearer parts. Never 0."""
    rows = np.median(near, axis=1, keepdims=True)
    stands = near > STANDS_OUT * rows + LEAST_STEP * float(near.max())
    height, width = near.shape
    middle = near[height * 3 // 8 : -(-height * 5 // 8), width * 3 // 8 : -(-width * 5 // 8)]
    if stands.mean() > LEAST_SHARE:
        return float(np.median(near[stands]))
    found = float(np.median(middle))
    return found if found > 0.1 * float(near.max()) else float(np.percentile(near, 75)) or float(near.max()) or 1.0


def subject_metres(path: CameraPath) -> float:
    """How far from the first frame's camera the picture's subject is taken to be."""
    first = path.keys[0]
    if first.target is None:
        return AWAY_METRES
    return max(1e-3, float(np.linalg.norm(np.subtract(first.target, first.position))))


def moved(lift: Lifted, path: CameraPath, num_frames: int) -> Warped:
    """The picture seen from every frame of a path, the first frame being where it was taken.

    Raises InvalidRequest where the path is not sound.
    """
    poses, focal_mm = path.sample(num_frames)
    focals = focal_pixels(focal_mm, lift.picture.shape[0])
    depth = lift.depth(subject_metres(path))
    seen = warp(lift.picture, depth, float(focals[0]), relative_to(poses, poses[0]), np.asarray(focals))
    seen.frames[0], seen.holes[0] = lift.picture, False
    return seen


def mask_of(holes: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Holes (T, H, W) as mask frames uint8 (T, H, W, 3), white = unseen: grown a little, specks closed, edges soft.

    Ragged masks that flicker are nothing a model was taught; where one is cut at half grey its edge is smooth.
    """
    grow = max(1, round(min(holes.shape[1:]) / MASK_PIXELS))
    around = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * grow + 1, 2 * grow + 1))
    frames = []
    for hole in holes:
        white = cv2.medianBlur(hole.astype(np.uint8) * 255, 3)
        white = np.maximum(white, hole.astype(np.uint8) * 255) if hole.mean() > 0.5 else white
        soft = cv2.GaussianBlur(cv2.dilate(white, around), (0, 0), 0.7 * grow)
        frames.append(soft if hole.any() else np.zeros_like(soft))
    return np.repeat(np.stack(frames)[..., None], 3, axis=-1).astype(np.uint8)


def unseen(holes: NDArray[np.bool_]) -> list[float]:
    """The share of every frame that the picture does not show."""
    return [round(float(share), 4) for share in holes.mean(axis=(1, 2))]
