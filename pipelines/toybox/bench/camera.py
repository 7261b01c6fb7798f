"""The camera's path in a clip whose depth is known: optical flow for a start, then direct alignment of the pixels.

Between neighbouring frames the pose is first fitted to dense flow, then refined so that the next frame, looked up where
known depth says each pixel went, has the same colours (Irani and Anandan, "About Direct Methods", 1999). Both are
Gauss-Newton with Geman-McClure weights, so that what does not fit (things that move, flicker) is left out.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from pipelines.domain.camera.pose import angles_degrees, relative_to
from pipelines.toybox.judge import Clips

Floats = npt.NDArray[np.float64]
Pose = tuple[Floats, Floats]

COARSE, FINE = 2.0, 0.7
FLOW_STEPS, PIXEL_STEPS = 8, 8
NEAREST = 1e-3


@dataclass(frozen=True)
class Points:
    """Pixels of one frame as points of its camera: rays (N, 3) with z = 1, nearness (N,) in 1/m, pixel indices (N,)."""

    rays: Floats
    nearness: Floats
    pixels: npt.NDArray[np.intp]


@dataclass(frozen=True)
class Lens:
    """The second camera of a pair: focal length, width and height in pixels."""

    focal: float
    width: int
    height: int


def follow_camera(
    frames: Clips, depth: npt.NDArray[np.float32], still: npt.NDArray[np.bool_], focals: Floats
) -> Floats:
    """Poses (T, 4, 4), each frame's camera in the first one's axes, in the units of the depth.

    frames uint8 (T, H, W, 3); depth (T, H, W) along the view, inf in the sky; still: what to go by; focals (T,) pixels.
    """
    method = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    greys = [cv2.cvtColor(np.ascontiguousarray(frame), cv2.COLOR_RGB2GRAY) for frame in frames]
    soft = {sigma: [cv2.GaussianBlur(frame.astype(np.float32), (0, 0), sigma) for frame in frames]
            for sigma in (COARSE, FINE)}
    poses = [np.eye(4)]
    for now in range(len(frames) - 1):
        points = _points(depth[now], still[now], float(focals[now]))
        lens = Lens(float(focals[now + 1]), frames.shape[2], frames.shape[1])
        flow = method.calc(greys[now], greys[now + 1], None).reshape(-1, 2)[points.pixels]
        pose = _by_flow(points, flow, float(focals[now]), lens)
        for pictures in soft.values():
            pose = _by_colour(points, pictures[now], pictures[now + 1], lens, pose)
        poses.append(poses[-1] @ np.linalg.inv(_matrix(pose)))
    return np.stack(poses)


@dataclass(frozen=True)
class PathError:
    """How far a path is from the true one.

    rotation_degrees: mean over frames of the angle between both cameras, each seen from its own first one.
    translation: mean distance of both as a share of the true path's length; None where the camera stays in its place.
    """

    rotation_degrees: float
    translation: float | None


def path_error(found: Floats, true: Floats, shortest: float = 0.05) -> PathError:
    """The error of camera-to-world poses (T, 4, 4); a path shorter than `shortest` has no share of translation."""
    found, true = (relative_to(path, path[0]) for path in (found, true))
    turns = angles_degrees(found[1:, :3, :3], true[1:, :3, :3])
    length = float(np.linalg.norm(np.diff(true[:, :3, 3], axis=0), axis=1).sum())
    away = float(np.linalg.norm(found[1:, :3, 3] - true[1:, :3, 3], axis=1).mean())
    return PathError(float(np.mean(turns)), away / length if length > shortest else None)


def _points(depth: npt.NDArray[np.float32], still: npt.NDArray[np.bool_], focal: float, stride: int = 2) -> Points:
    height, width = depth.shape
    chosen = np.zeros(depth.shape, bool)
    chosen[::stride, ::stride] = still[::stride, ::stride]
    rows, columns = np.nonzero(chosen)
    rays = np.stack([(columns + 0.5 - width / 2) / focal, (rows + 0.5 - height / 2) / focal, np.ones(len(rows))], 1)
    nearness = 1.0 / np.maximum(depth[rows, columns].astype(np.float64), NEAREST)
    return Points(rays, nearness, rows * width + columns)


def _project(points: Points, pose: Pose, lens: Lens) -> tuple[Floats, Floats, Floats]:
    """Offsets (N, 2) from the picture's centre, and their change (N, 6) in x and in y with a small turn and step."""
    turn, step = pose
    moved = points.rays @ turn.T + points.nearness[:, None] * step
    x, y, z = moved[:, 0], moved[:, 1], np.maximum(moved[:, 2], NEAREST)
    zero, scale = np.zeros_like(z), lens.focal / z
    across, down = np.stack([scale, zero, -scale * x / z], 1), np.stack([zero, scale, -scale * y / z], 1)
    near = points.nearness[:, None]
    slopes = (np.concatenate([np.cross(moved, along), along * near], 1) for along in (across, down))
    return np.stack([x * scale, y * scale], 1), *slopes


def _by_flow(points: Points, flow: npt.NDArray[np.float32], focal: float, lens: Lens) -> Pose:
    """The pose that explains where the flow takes the points; tolerant at first, then within 1.5 pixels."""
    pose: Pose = (np.eye(3), np.zeros(3))
    goal = points.rays[:, :2] * focal + flow
    for step in range(FLOW_STEPS):
        there, across, down = _project(points, pose, lens)
        miss = there - goal
        weight = _weights((miss**2).sum(1), max(1.5, 5.0 * 0.6**step))
        normal = across.T @ (across * weight[:, None]) + down.T @ (down * weight[:, None])
        pose = _stepped(pose, normal, across.T @ (weight * miss[:, 0]) + down.T @ (weight * miss[:, 1]))
    return pose


def _by_colour(points: Points, here: Floats, there: Floats, lens: Lens, pose: Pose) -> Pose:
    """The pose under which the next frame (H, W, 3) has this frame's colours."""
    slopes = (cv2.Sobel(there, cv2.CV_32F, 1, 0, ksize=3) / 8, cv2.Sobel(there, cv2.CV_32F, 0, 1, ksize=3) / 8)
    stack = np.concatenate([there, *slopes], axis=2)
    wanted = here.reshape(-1, 3)[points.pixels]
    for _ in range(PIXEL_STEPS):
        offset, across, down = _project(points, pose, lens)
        column, row = offset[:, 0] + lens.width / 2 - 0.5, offset[:, 1] + lens.height / 2 - 0.5
        inside = (column >= 0) & (column <= lens.width - 1) & (row >= 0) & (row <= lens.height - 1)
        if inside.sum() < 16:
            return pose
        colour, right, lower = np.split(_look_up(stack, column, row), 3, axis=1)
        miss = colour - wanted
        square = (miss**2).sum(1)
        weight = inside * _weights(square, 1.5 * float(np.sqrt(np.median(square[inside]))) + 2.0)
        xx, xy, yy = (right**2).sum(1) * weight, (right * lower).sum(1) * weight, (lower**2).sum(1) * weight
        mixed = across.T @ (down * xy[:, None])
        normal = across.T @ (across * xx[:, None]) + down.T @ (down * yy[:, None]) + mixed + mixed.T
        slope = across.T @ (weight * (right * miss).sum(1)) + down.T @ (weight * (lower * miss).sum(1))
        pose = _stepped(pose, normal, slope)
    return pose


def _weights(square: Floats, scale: float) -> Floats:
    return np.asarray(1.0 / (1.0 + square / scale**2) ** 2)


def _stepped(pose: Pose, normal: Floats, slope: Floats) -> Pose:
    """One Gauss-Newton step, damped a little where nothing in the picture holds a direction."""
    change = -np.linalg.solve(normal + (1e-6 * np.trace(normal) + 1e-9) * np.eye(6), slope)
    turn = np.asarray(cv2.Rodrigues(change[:3])[0], np.float64)
    return turn @ pose[0], turn @ pose[1] + change[3:]


def _look_up(picture: npt.NDArray[np.float32], column: Floats, row: Floats) -> Floats:
    height, width = picture.shape[:2]
    left, top = column.astype(int).clip(0, width - 2), row.astype(int).clip(0, height - 2)
    x, y = (column - left).clip(0, 1)[:, None], (row - top).clip(0, 1)[:, None]
    upper = picture[top, left] * (1 - x) + picture[top, left + 1] * x
    lower = picture[top + 1, left] * (1 - x) + picture[top + 1, left + 1] * x
    return np.asarray(upper * (1 - y) + lower * y)


def _matrix(pose: Pose) -> Floats:
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = pose
    return matrix
