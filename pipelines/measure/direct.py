"""The camera's path in a clip whose depth is known: optical flow for a start, then direct alignment of the pixels.

Between neighbouring frames the pose is first fitted to dense flow, then refined so that the next frame, looked up where
known depth says each pixel went, has the same colours (Irani and Anandan, "About Direct Methods", 1999). Both are
Gauss-Newton with Geman-McClure weights, so that what does not fit (things that move, flicker) is left out. How much
the pictures hold each step gives the error to be expected, which grows along the path.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Clips = npt.NDArray[np.uint8]

BLURS = (5.0, 2.0, 0.7)
"""Pixels, from coarse, where a fine regular pattern cannot mislead, to fine."""
FLOW_STEPS, PIXEL_STEPS = 8, 8
NEAREST = 1e-3
SETTLED = 3e-5
"""A change of the pose (radians, shares of the depth) that is not worth another step."""
ALIKE, SHARE = 1.0, 0.15
"""Pixels, and share of its length, by which the flow may miss the place that the pose tells to count as explained."""
FLAT = 16.0
"""Squared grey levels per pixel at which a place is half seen."""
FEWEST, LEAST_SHARED = 16, 0.25
"""Points, and share of a frame's points, that must stay in the picture."""
CLEAR = 0.75
"""The share of the flow that a step must account for, so that no other start is tried."""
WRONG = 30.0
"""Grey levels of a miss beyond which it counts no more."""
KINSHIP = 3.5
"""How many times larger errors are than independent pixels would make them, measured on true renders."""
POSE, POSE_AND_ZOOM = 6, 7


@dataclass(frozen=True, kw_only=True)
class Followed:
    """The path of a camera through T frames, and how far it is to be believed.

    poses: (T, 4, 4), each frame's camera in the first one's axes, in the units of the depth. focals: (T,) in pixels.
    explained: 0..1, the share of what can be seen to move that moves as this path says. doubt_degrees and doubt_length:
    the errors of rotation and position, meant over the frames, that the pictures leave open.
    """

    poses: Floats
    focals: Floats
    explained: float
    doubt_degrees: float
    doubt_length: float


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


@dataclass(frozen=True)
class Step:
    """From one frame's camera axes to the next one's: turn (3, 3), shift (3,); zoom: ln of focal by the lens's."""

    turn: Floats
    shift: Floats
    zoom: float = 0.0

    def matrix(self) -> Floats:
        result = np.eye(4)
        result[:3, :3], result[:3, 3] = self.turn, self.shift
        return result


UNKNOWN = 1e12 * np.eye(6)
"""The covariance of a step that nothing holds."""
REST = Step(np.eye(3), np.zeros(3))


@dataclass(frozen=True)
class Fit:
    """A step, its covariance (6, 6) of turn and shift, and the share of what moves that it explains."""

    step: Step
    covariance: Floats
    explained: float


def follow_camera(
    frames: Clips, depth: npt.NDArray[np.floating], still: npt.NDArray[np.bool_], focals: Floats, *, zooms: bool = False
) -> Followed:
    """The path through frames uint8 (T, H, W, 3).

    depth (T, H, W) along the view, inf in the sky; still (T, H, W): what to go by; focals (T,) pixels. zooms: the focal
    lengths after the first are not believed but found too.
    """
    pictures = [_Pictures(frame) for frame in frames]
    fits: list[Fit] = []
    lengths = [float(focals[0])]
    for now in range(len(frames) - 1):
        points = _points(depth[now], still[now], lengths[-1])
        expected = lengths[-1] if zooms else float(focals[now + 1])
        lens = Lens(expected, frames.shape[2], frames.shape[1])
        before = fits[-1].step if fits else REST
        pair = Pair(pictures[now], pictures[now + 1], lengths[-1], lens, POSE_AND_ZOOM if zooms else POSE)
        fit = _fitted(points, pair, before)
        fits.append(fit)
        lengths.append(expected * float(np.exp(fit.step.zoom)))
    poses = [np.eye(4)]
    for fit in fits:
        poses.append(poses[-1] @ np.linalg.inv(fit.step.matrix()))
    path = np.stack(poses)
    degrees, length = _doubts(path, [fit.covariance for fit in fits])
    explained = float(np.mean([fit.explained for fit in fits])) if fits else 0.0
    return Followed(
        poses=path, focals=np.array(lengths), explained=explained, doubt_degrees=degrees, doubt_length=length
    )


class _Pictures:
    """A frame in the forms that are compared."""

    def __init__(self, frame: Clips) -> None:
        self.grey: Clips = np.asarray(cv2.cvtColor(np.ascontiguousarray(frame), cv2.COLOR_RGB2GRAY), np.uint8)
        self.soft = [cv2.GaussianBlur(frame.astype(np.float32), (0, 0), sigma) for sigma in BLURS]


@dataclass(frozen=True)
class Pair:
    """Two frames, the focal length of the first, the lens of the second, and how many numbers of the step are free."""

    here: _Pictures
    there: _Pictures
    focal: float
    lens: Lens
    free: int


def _fitted(points: Points, pair: Pair, before: Step) -> Fit:
    """The step of a pair, from the best of three starts: what the flow says, a steady camera and one at rest."""
    if len(points.pixels) < FEWEST:
        return Fit(REST, UNKNOWN, 0.0)
    method = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    none = np.zeros((*pair.here.grey.shape, 2), np.float32)
    flow = np.asarray(method.calc(pair.here.grey, pair.there.grey, none)).reshape(-1, 2)[points.pixels]
    goal = points.rays[:, :2] * pair.focal + flow
    by_flow = _by_flow(points, goal, pair.lens, pair.free)
    texture = _texture(pair.here.grey)[points.pixels]
    clear = _explained(points, by_flow, goal, pair, texture) > CLEAR
    starts = [by_flow] if clear else [by_flow, before, REST]
    aligned = min((_by_colour(points, pair, 0, start) for start in starts), key=lambda each: each.miss)
    for level in range(1, len(BLURS)):
        aligned = _by_colour(points, pair, level, aligned.step)
    return Fit(aligned.step, aligned.covariance, _explained(points, aligned.step, goal, pair, texture))


def _explained(points: Points, step: Step, goal: Floats, pair: Pair, texture: Floats) -> float:
    """The share of the flow to `goal` (N, 2) that a step accounts for, by how well each place is seen."""
    weight = texture * _inside(goal, pair.lens)
    missed = np.linalg.norm(_project(points, step, pair.lens)[0] - goal, axis=1)
    way = np.linalg.norm(goal - points.rays[:, :2] * pair.focal, axis=1)
    return float((weight * (missed < np.maximum(ALIKE, SHARE * way))).sum() / max(float(weight.sum()), 1e-9))


def _inside(offset: Floats, lens: Lens) -> npt.NDArray[np.bool_]:
    """Which offsets (N, 2) from the middle lie in the picture."""
    return np.asarray((np.abs(offset) < np.array([lens.width, lens.height]) / 2 - 1).all(1))


def _texture(grey: npt.NDArray[np.uint8]) -> Floats:
    """How well each pixel (H * W,) can be followed, 0..1."""
    across = cv2.Sobel(grey, cv2.CV_32F, 1, 0, scale=0.125)
    down = cv2.Sobel(grey, cv2.CV_32F, 0, 1, scale=0.125)
    square = (across**2 + down**2).astype(np.float64).reshape(-1)
    return np.asarray(square / (square + FLAT))


def _points(depth: npt.NDArray[np.floating], still: npt.NDArray[np.bool_], focal: float, stride: int = 2) -> Points:
    height, width = depth.shape
    chosen = np.zeros(depth.shape, bool)
    chosen[::stride, ::stride] = still[::stride, ::stride]
    rows, columns = np.nonzero(chosen)
    rays = np.stack([(columns + 0.5 - width / 2) / focal, (rows + 0.5 - height / 2) / focal, np.ones(len(rows))], 1)
    nearness = 1.0 / np.maximum(depth[rows, columns].astype(np.float64), NEAREST)
    return Points(rays, nearness, rows * width + columns)


def _project(points: Points, step: Step, lens: Lens) -> tuple[Floats, Floats, Floats]:
    """Offsets (N, 2) from the picture's centre, and their change (N, 7) in x and in y with turn, shift and zoom."""
    moved = points.rays @ step.turn.T + points.nearness[:, None] * step.shift
    focal = lens.focal * float(np.exp(step.zoom))
    x, y, z = moved[:, 0], moved[:, 1], np.maximum(moved[:, 2], NEAREST)
    scale, right, low = focal / z, x / z, y / z
    zero, near = np.zeros_like(z), points.nearness * scale
    across = np.stack([-focal * right * low, focal * (1 + right**2), -focal * low, near, zero, -near * right,
                       focal * right], 1)  # fmt: skip
    down = np.stack([-focal * (1 + low**2), focal * right * low, focal * right, zero, near, -near * low,
                     focal * low], 1)  # fmt: skip
    return np.stack([x * scale, y * scale], 1), across, down


def _by_flow(points: Points, goal: Floats, lens: Lens, free: int) -> Step:
    """The step that explains where the flow takes the points; tolerant at first, then within 1.5 pixels."""
    step = REST
    for round_ in range(FLOW_STEPS):
        there, across, down = _project(points, step, lens)
        miss = there - goal
        weight = _weights((miss**2).sum(1), max(1.5, 5.0 * 0.6**round_))
        normal = across.T @ (across * weight[:, None]) + down.T @ (down * weight[:, None])
        step, _ = _stepped(step, normal, across.T @ (weight * miss[:, 0]) + down.T @ (weight * miss[:, 1]), free)
    return step


@dataclass(frozen=True)
class Aligned:
    """A step, its covariance (6, 6), and the mean miss of the colours in grey levels, large ones bounded."""

    step: Step
    covariance: Floats
    miss: float


def _by_colour(points: Points, pair: Pair, level: int, step: Step) -> Aligned:
    """The step under which the next frame has this frame's colours, both softened as `BLURS[level]` says."""
    there = pair.there.soft[level]
    slopes = (cv2.Sobel(there, cv2.CV_32F, 1, 0, ksize=3) / 8, cv2.Sobel(there, cv2.CV_32F, 0, 1, ksize=3) / 8)
    stack = np.concatenate([there, *slopes], axis=2)
    wanted = pair.here.soft[level].reshape(-1, 3)[points.pixels]
    result = Aligned(step, UNKNOWN, np.inf)
    for _ in range(PIXEL_STEPS):
        offset, across, down = _project(points, step, pair.lens)
        inside = _inside(offset, pair.lens)
        if inside.sum() < max(FEWEST, LEAST_SHARED * len(inside)):
            return result
        place = offset + np.array([pair.lens.width, pair.lens.height]) / 2 - 0.5
        colour, right, lower = np.split(_look_up(stack, place[:, 0], place[:, 1]), 3, axis=1)
        miss = colour - wanted
        square = (miss**2).sum(1)
        weight = inside * _weights(square, 1.5 * float(np.sqrt(np.median(square[inside]))) + 2.0)
        xx, xy, yy = (right**2).sum(1) * weight, (right * lower).sum(1) * weight, (lower**2).sum(1) * weight
        mixed = across.T @ (down * xy[:, None])
        normal = across.T @ (across * xx[:, None]) + down.T @ (down * yy[:, None]) + mixed + mixed.T
        slope = across.T @ (weight * (right * miss).sum(1)) + down.T @ (weight * (lower * miss).sum(1))
        spread = float((weight * square).sum() / max(3.0 * float(weight.sum()), 1e-9))
        free = pair.free
        covariance = np.asarray(np.linalg.inv(_held(normal[:free, :free]))[:POSE, :POSE], np.float64)
        covariance *= KINSHIP**2 * (spread + 1.0)
        result = Aligned(step, covariance, float(np.sqrt(square[inside]).clip(max=WRONG).mean()))
        step, change = _stepped(step, normal, slope, free)
        if change < SETTLED:
            break
    return Aligned(step, result.covariance, result.miss)


def _weights(square: Floats, scale: float) -> Floats:
    return np.asarray(1.0 / (1.0 + square / scale**2) ** 2)


def _held(normal: Floats) -> Floats:
    """Damped a little where nothing in the picture holds a direction."""
    return np.asarray(normal + (1e-6 * np.trace(normal) + 1e-9) * np.eye(len(normal)))


def _stepped(step: Step, normal: Floats, slope: Floats, free: int) -> tuple[Step, float]:
    """One Gauss-Newton step of the first `free` numbers, and how large it was."""
    change = np.zeros(POSE_AND_ZOOM)
    change[:free] = -np.linalg.solve(_held(normal[:free, :free]), slope[:free])
    change[6] = np.clip(change[6], -0.2, 0.2)
    turn = np.asarray(cv2.Rodrigues(change[:3])[0], np.float64)
    moved = Step(turn @ step.turn, turn @ step.shift + change[3:6], step.zoom + float(change[6]))
    return moved, float(np.abs(change).max())


def _look_up(picture: npt.NDArray[np.floating], column: Floats, row: Floats) -> Floats:
    height, width = picture.shape[:2]
    left, top = column.astype(int).clip(0, width - 2), row.astype(int).clip(0, height - 2)
    x, y = (column - left).clip(0, 1)[:, None], (row - top).clip(0, 1)[:, None]
    upper = picture[top, left] * (1 - x) + picture[top, left + 1] * x
    lower = picture[top + 1, left] * (1 - x) + picture[top + 1, left + 1] * x
    return np.asarray(upper * (1 - y) + lower * y)


def _doubts(path: Floats, covariances: list[Floats]) -> tuple[float, float]:
    """Expected errors of rotation in degrees and of position, meant over the frames after the first.

    The errors of the steps add up by their squares; a wrong turn also carries all later positions aside.
    """
    if not covariances:
        return 0.0, 0.0
    turns = np.array([np.trace(each[:3, :3]) for each in covariances])
    shifts = np.array([np.trace(each[3:, 3:]) for each in covariances])
    places = path[:, :3, 3]
    away = [((places[t] - places[:t]) ** 2).sum(1) for t in range(1, len(path))]
    aside = [float((shifts[:t] + turns[:t] * away[t - 1] * (2 / 3)).sum()) for t in range(1, len(path))]
    return float(np.degrees(np.sqrt(np.cumsum(turns)).mean())), float(np.sqrt(aside).mean())
