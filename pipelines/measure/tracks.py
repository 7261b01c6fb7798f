"""Follow points through a clip: corners on a grid, pyramidal Lucas-Kanade there and back.

Lucas and Kanade 1981; Shi and Tomasi 1994; a dense flow (DIS, Kroeger et al. 2016) tells where to look first, so that
large steps between frames are found too.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Picture = NDArray[np.uint8]

WORKING_SIDE = 480
MAX_ENLARGEMENT = 3.0
WINDOW = (15, 15)
FLAT = 4.0
"""Squared grey levels per pixel at which a direction is half seen."""
THERE_AND_BACK = 0.4
"""Pixels at the working size by which a point may miss its start after going to the next frame and back."""


@dataclass(frozen=True)
class Tracks:
    """Points seen in several frames.

    xy: (N, T, 2) offsets from the picture's centre at the working size, x right, y down; NaN where not seen.
    trust: (N, T, 2, 2) how well each direction is seen there, as `Sightings` has it.
    scale: working pixels for one pixel of the clip.
    """

    xy: FloatArray
    trust: FloatArray
    scale: float

    @property
    def seen(self) -> NDArray[np.bool_]:
        """(N, T): which point is seen in which frame."""
        return ~np.isnan(self.xy[..., 0])


def follow(frames: NDArray[np.uint8], *, points_per_frame: int = 700) -> Tracks:
    """Tracks through frames (T, H, W, 3); new ones start wherever a frame has room."""
    pictures, scale = working_pictures(frames)
    height, width = pictures[0].shape
    spacing = max(4.0, float(np.sqrt(width * height / points_per_frame)) * 0.75)
    runs = [_run(pictures, spacing), _run(pictures[::-1], spacing)]
    xy = np.concatenate([runs[0], runs[1][:, ::-1]])
    centre = np.array([width / 2, height / 2])
    return Tracks(xy + 0.5 - centre, _trust(pictures, xy), scale)


def _trust(pictures: list[Picture], xy: FloatArray) -> FloatArray:
    """(N, T, 2, 2) from the gradients around each point: lambda / (lambda + FLAT) along each of their main axes."""
    result = np.zeros((*xy.shape, 2))
    for index, picture in enumerate(pictures):
        here = np.flatnonzero(~np.isnan(xy[:, index, 0]))
        cell = np.clip(np.rint(xy[here, index]).astype(int), 0, (picture.shape[1] - 1, picture.shape[0] - 1))
        dx = np.asarray(cv2.Sobel(picture, cv2.CV_32F, 1, 0, scale=0.125))
        dy = np.asarray(cv2.Sobel(picture, cv2.CV_32F, 0, 1, scale=0.125))
        parts = [np.asarray(cv2.blur(part, WINDOW))[cell[:, 1], cell[:, 0]] for part in (dx * dx, dx * dy, dy * dy)]
        form = np.stack([parts[0], parts[1], parts[1], parts[2]], -1).astype(np.float64).reshape(-1, 2, 2)
        strength, axes = np.linalg.eigh(form)
        strength = np.maximum(strength, 0.0)
        kept = np.sqrt(strength / (strength + FLAT))
        result[here, index] = (axes * kept[:, None, :]) @ np.swapaxes(axes, 1, 2)
    return result


def working_pictures(frames: NDArray[np.uint8]) -> tuple[list[Picture], float]:
    """Grey pictures with a long side near WORKING_SIDE, and how much larger they are than the frames."""
    height, width = frames.shape[1:3]
    scale = min(WORKING_SIDE / max(height, width), MAX_ENLARGEMENT)
    size = (max(16, round(width * scale)), max(16, round(height * scale)))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    grey = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames]
    return [np.asarray(cv2.resize(g, size, interpolation=way), dtype=np.uint8) for g in grey], scale


def corners(picture: Picture, taken: FloatArray, spacing: float, most: int) -> FloatArray:
    """(K, 2) new points, best first, that keep their distance from those taken (M, 2)."""
    mask = np.full(picture.shape, 255, np.uint8)
    for x, y in taken:
        cv2.circle(mask, (round(float(x)), round(float(y))), round(spacing), 0, -1)
    found = cv2.goodFeaturesToTrack(picture, most, 0.002, spacing, mask=mask, blockSize=5)
    if found is None:
        return np.zeros((0, 2))
    sharp = np.asarray(cv2.cornerMinEigenVal(picture, 5))
    at = np.asarray(found, dtype=np.float64).reshape(-1, 2)
    strong = sharp[at[:, 1].astype(int), at[:, 0].astype(int)] > 2e-5
    return np.asarray(at[strong])


def _run(pictures: list[Picture], spacing: float) -> FloatArray:
    """Tracks forward through the pictures, (N, T, 2)."""
    count = len(pictures)
    most = 2 * round(pictures[0].size / spacing**2)
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    at = corners(pictures[0], np.zeros((0, 2)), spacing, most)
    rows = [np.full((len(at), count, 2), np.nan)]
    rows[0][:, 0] = at
    for index in range(count - 1):
        known = np.concatenate(rows)
        alive = np.flatnonzero(~np.isnan(known[:, index, 0]))
        if len(alive):
            dense = np.asarray(flow.calc(pictures[index], pictures[index + 1], None))  # type: ignore[call-overload]
            known[alive, index + 1] = step(pictures[index], pictures[index + 1], known[alive, index], dense)
        here = known[:, index + 1]
        here = here[~np.isnan(here[:, 0])]
        fresh = corners(pictures[index + 1], here, spacing, most)
        new = np.full((len(fresh), count, 2), np.nan)
        new[:, index + 1] = fresh
        rows = [known, new]
    known = np.concatenate(rows)
    return np.asarray(known[(~np.isnan(known[..., 0])).sum(1) > 1])


def step(first: Picture, second: Picture, at: FloatArray, dense: NDArray[np.float32]) -> FloatArray:
    """Where points (N, 2) of the first picture are in the second; NaN where lost."""
    height, width = first.shape
    cell = np.clip(np.rint(at).astype(int), 0, (width - 1, height - 1))
    guess = (at + dense[cell[:, 1], cell[:, 0]]).astype(np.float32)[:, None]
    start = at.astype(np.float32)[:, None]
    there, ok_there = _lucas_kanade(first, second, start, guess)
    back, ok_back = _lucas_kanade(second, first, there, start)
    missed = np.linalg.norm(back[:, 0] - start[:, 0], axis=1)
    found = there[:, 0].astype(np.float64)
    inside = ((found > 1) & (found < (width - 2, height - 2))).all(1)
    good = ok_there & ok_back & (missed < THERE_AND_BACK) & inside
    return np.where(good[:, None], found, np.nan)


def _lucas_kanade(
    first: Picture, second: Picture, start: NDArray[np.float32], guess: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Where points (N, 1, 2) went, and which (N,) were found."""
    there, ok, _ = cv2.calcOpticalFlowPyrLK(
        first,
        second,
        start,
        guess.copy(),
        winSize=WINDOW,
        maxLevel=3,
        criteria=(3, 30, 0.003),
        flags=cv2.OPTFLOW_USE_INITIAL_FLOW,
    )
    return np.asarray(there, np.float32), np.asarray(ok)[:, 0] == 1
