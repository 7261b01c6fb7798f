"""Poses of a camera. This page is the only place where the conventions are written; every importer converts to them.

- A pose is a camera-to-world matrix (4, 4), float64: columns 0..2 are the camera's right, down and forward direction in
  the world, column 3 its position. These are OpenCV's axes: x right, y down, z forward, for the world as well.
  So "up" is -y, and where there is a ground it is the plane y = 0 with everything above it at negative y.
- Lengths are metres, angles degrees where a name says so and radians nowhere. Quaternions are (w, x, y, z).
- A yaw > 0 turns the view to the right, a pitch > 0 up, a roll > 0 turns the camera clockwise as its operator sees it
  (so the picture turns counter-clockwise).
- The lens is a focal length in mm of a picture that is 24 mm high, whatever its aspect (36 x 24 for 3:2). Pixels are
  square, the principal point is the middle (width / 2, height / 2), and the centre of the first pixel lies at 0.5.
  So focal_pixels = focal_mm * height / 24 for x and y, and a change of the width crops or widens the view.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

SENSOR_HEIGHT_MM = 24.0
UP = (0.0, -1.0, 0.0)
_TINY = 1e-9


def matrices(rotations: ArrayLike, positions: ArrayLike) -> Floats:
    """Camera-to-world matrices (..., 4, 4) of rotations (..., 3, 3) and positions (..., 3)."""
    rotation, position = np.asarray(rotations, np.float64), np.asarray(positions, np.float64)
    result = np.zeros((*np.broadcast_shapes(rotation.shape[:-2], position.shape[:-1]), 4, 4))
    result[..., :3, :3], result[..., :3, 3], result[..., 3, 3] = rotation, position, 1.0
    return result


def inverse(poses: ArrayLike) -> Floats:
    """World-to-camera from camera-to-world, and back: rigid (..., 4, 4)."""
    given = np.asarray(poses, np.float64)
    rotation = np.swapaxes(given[..., :3, :3], -1, -2)
    return matrices(rotation, -(rotation @ given[..., :3, 3:])[..., 0])


def relative_to(poses: ArrayLike, reference: ArrayLike) -> Floats:
    """The same poses (n, 4, 4) in a world whose origin and axes are those of the camera `reference` (4, 4)."""
    return np.asarray(inverse(reference) @ np.asarray(poses, np.float64))


def rotation_from_quaternion(quaternions: ArrayLike) -> Floats:
    """Rotation matrices (..., 3, 3) of quaternions (..., 4), which need not have length 1 but must not be 0."""
    q = unit(quaternions)
    w, x, y, z = np.moveaxis(q, -1, 0)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.stack([np.stack(row, -1) for row in rows], -2)


def quaternion_from_rotation(rotations: ArrayLike) -> Floats:
    """Quaternions (..., 4) with w >= 0 of rotation matrices (..., 3, 3), stable at every angle (Shepperd, 1978)."""
    m = np.asarray(rotations, np.float64)
    xx, yy, zz = m[..., 0, 0], m[..., 1, 1], m[..., 2, 2]
    a, b, c = m[..., 2, 1] - m[..., 1, 2], m[..., 0, 2] - m[..., 2, 0], m[..., 1, 0] - m[..., 0, 1]
    d, e, f = m[..., 0, 1] + m[..., 1, 0], m[..., 0, 2] + m[..., 2, 0], m[..., 1, 2] + m[..., 2, 1]
    candidates = np.stack(
        [
            np.stack([1 + xx + yy + zz, a, b, c], -1),
            np.stack([a, 1 + xx - yy - zz, d, e], -1),
            np.stack([b, d, 1 - xx + yy - zz, f], -1),
            np.stack([c, e, f, 1 - xx - yy + zz], -1),
        ],
        -2,
    )
    best = np.argmax(np.stack([xx + yy + zz, xx, yy, zz], -1), -1)
    chosen = unit(np.take_along_axis(candidates, best[..., None, None], -2)[..., 0, :])
    return np.asarray(np.where(chosen[..., :1] < 0, -chosen, chosen))


def multiply(left: ArrayLike, right: ArrayLike) -> Floats:
    """The product of quaternions (..., 4): first the rotation `right`, then `left`."""
    w, x, y, z = np.moveaxis(np.asarray(left, np.float64), -1, 0)
    a, b, c, d = np.moveaxis(np.asarray(right, np.float64), -1, 0)
    parts = [
        w * a - x * b - y * c - z * d,
        w * b + x * a + y * d - z * c,
        w * c - x * d + y * a + z * b,
        w * d + x * c - y * b + z * a,
    ]
    return np.stack(parts, -1)


def conjugate(quaternions: ArrayLike) -> Floats:
    """The opposite rotations (..., 4)."""
    return np.asarray(np.asarray(quaternions, np.float64) * np.array([1.0, -1.0, -1.0, -1.0]))


def rotation_vector(quaternions: ArrayLike) -> Floats:
    """Axis times angle in radians (..., 3), the shorter way round, of unit quaternions (..., 4)."""
    q = np.asarray(quaternions, np.float64)
    q = np.where(q[..., :1] < 0, -q, q)
    length = np.linalg.norm(q[..., 1:], axis=-1, keepdims=True)
    angle = 2.0 * np.arctan2(length, q[..., :1])
    return np.asarray(q[..., 1:] * np.where(length > _TINY, angle / np.maximum(length, _TINY), 2.0))


def quaternion_from_vector(vectors: ArrayLike) -> Floats:
    """Unit quaternions (..., 4) of axis times angle in radians (..., 3)."""
    v = np.asarray(vectors, np.float64)
    half = np.linalg.norm(v, axis=-1, keepdims=True) / 2.0
    return np.concatenate([np.cos(half), v * np.sinc(half / np.pi) / 2.0], -1)


def slerp(start: ArrayLike, end: ArrayLike, amount: ArrayLike) -> Floats:
    """Quaternions on the shorter great arc from `start` (..., 4) to `end` (..., 4); `amount` (...) is 0..1."""
    step = rotation_vector(multiply(conjugate(start), end))
    return multiply(start, quaternion_from_vector(step * np.asarray(amount, np.float64)[..., None]))


def look_at(positions: ArrayLike, targets: ArrayLike, roll_degrees: ArrayLike = 0.0) -> Floats:
    """Rotations (..., 3, 3) of upright cameras at `positions` (..., 3) that look at `targets` (..., 3), then roll.

    Straight up or down, where "upright" says nothing, the picture's right stays the world's x; a target at the
    camera's own place is looked at along z.
    """
    sight = np.asarray(targets, np.float64) - np.asarray(positions, np.float64)
    length = np.linalg.norm(sight, axis=-1, keepdims=True)
    forward = np.where(length > _TINY, sight / np.maximum(length, _TINY), [0.0, 0.0, 1.0])
    right = np.cross(np.negative(UP), forward)
    flat = np.linalg.norm(right, axis=-1, keepdims=True)
    right = np.where(flat > _TINY, right / np.maximum(flat, _TINY), [1.0, 0.0, 0.0])
    return np.stack([right, np.cross(forward, right), forward], -1) @ turned(roll=roll_degrees)


def turned(*, yaw: ArrayLike = 0.0, pitch: ArrayLike = 0.0, roll: ArrayLike = 0.0) -> Floats:
    """Rotations (..., 3, 3) of a camera that looked along z: turned to the right, then up, then rolled; degrees."""
    y, p, r = (np.radians(np.asarray(angle, np.float64)) for angle in (yaw, pitch, roll))
    y, p, r = np.broadcast_arrays(y, p, r)
    zero, one = np.zeros_like(y), np.ones_like(y)
    yawed = _rows((np.cos(y), zero, np.sin(y)), (zero, one, zero), (-np.sin(y), zero, np.cos(y)))
    pitched = _rows((one, zero, zero), (zero, np.cos(p), -np.sin(p)), (zero, np.sin(p), np.cos(p)))
    rolled = _rows((np.cos(r), -np.sin(r), zero), (np.sin(r), np.cos(r), zero), (zero, zero, one))
    return np.asarray(yawed @ pitched @ rolled)


def angles_degrees(first: ArrayLike, second: ArrayLike) -> Floats:
    """The angle (...) in degrees, 0..180, between rotations (..., 3, 3): accurate also where it is tiny."""
    between = np.swapaxes(np.asarray(first, np.float64), -1, -2) @ np.asarray(second, np.float64)
    return np.asarray(np.degrees(np.linalg.norm(rotation_vector(quaternion_from_rotation(between)), axis=-1)))


def focal_pixels(focal_mm: ArrayLike, height: float) -> Floats:
    """Focal length in pixels of a picture that is `height` pixels high."""
    return np.asarray(focal_mm, np.float64) * (height / SENSOR_HEIGHT_MM)


def focal_mm_from_pixels(pixels: ArrayLike, height: float) -> Floats:
    """Focal length in mm of a focal length in pixels of a picture that is `height` pixels high."""
    return np.asarray(pixels, np.float64) * (SENSOR_HEIGHT_MM / height)


def fov_y_degrees(focal_mm: ArrayLike) -> Floats:
    """The angle from the lower to the upper edge of the picture."""
    return np.asarray(np.degrees(2.0 * np.arctan(SENSOR_HEIGHT_MM / 2.0 / np.asarray(focal_mm, np.float64))))


def focal_mm_from_fov_y(degrees: ArrayLike) -> Floats:
    """The focal length in mm that shows `degrees` from the lower to the upper edge."""
    return np.asarray(SENSOR_HEIGHT_MM / 2.0 / np.tan(np.radians(np.asarray(degrees, np.float64)) / 2.0))


def intrinsics(focal_mm: ArrayLike, width: int, height: int) -> Floats:
    """Pinhole matrices (..., 3, 3) in pixels of a width x height picture."""
    focal = focal_pixels(focal_mm, height)
    result = np.zeros((*focal.shape, 3, 3))
    result[..., 0, 0] = result[..., 1, 1] = focal
    result[..., 0, 2], result[..., 1, 2], result[..., 2, 2] = width / 2, height / 2, 1.0
    return result


def unit(vectors: ArrayLike) -> Floats:
    """The same directions (..., d) with length 1."""
    v = np.asarray(vectors, np.float64)
    return np.asarray(v / np.linalg.norm(v, axis=-1, keepdims=True))


def _rows(*rows: tuple[Floats, Floats, Floats]) -> Floats:
    return np.stack([np.stack(row, -1) for row in rows], -2)
