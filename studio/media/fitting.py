"""Fit frames to a size, a length and a rate."""

from __future__ import annotations

from fractions import Fraction
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pipelines.domain.frames import Frames
from studio.media.timing import resampled

Mode = Literal["crop", "fit", "fill"]


def conform(frames: Frames, width: int, height: int, num_frames: int, fps: float, mode: Mode = "crop") -> Frames:
    """Frames of exactly this size, length and rate.

    mode: "crop" covers the size and cuts the overhang evenly; "fit" shows everything between black bars;
    "fill" stretches. In time the nearest frames are taken; what is too long is cut, what is too short holds its
    last frame (a single picture holds throughout).
    """
    picked = resampled(len(frames), Fraction(frames.fps), Fraction(fps))[:num_frames]
    picked += [picked[-1]] * (num_frames - len(picked))
    fitted = {index: _fitted(frames.pixels[index], width, height, mode) for index in sorted(set(picked))}
    return Frames(np.stack([fitted[index] for index in picked]), fps)


def resized(picture: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """A picture (H, W, 3) stretched to a size with Lanczos; untouched where it has that size."""
    if picture.shape[:2] == (height, width):
        return picture
    from PIL import Image

    return np.asarray(Image.fromarray(picture).resize((width, height), Image.Resampling.LANCZOS))


def _fitted(picture: NDArray[np.uint8], width: int, height: int, mode: Mode) -> NDArray[np.uint8]:
    rows, columns = picture.shape[:2]
    if mode == "fill" or (columns, rows) == (width, height):
        return resized(picture, width, height)
    if mode == "crop":
        return resized(_cropped(picture, width, height), width, height)
    scale = min(width / columns, height / rows)
    inner_width, inner_height = max(1, round(columns * scale)), max(1, round(rows * scale))
    left, top = (width - inner_width) // 2, (height - inner_height) // 2
    canvas = np.zeros((height, width, 3), np.uint8)
    canvas[top : top + inner_height, left : left + inner_width] = resized(picture, inner_width, inner_height)
    return canvas


def _cropped(picture: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """The largest centred part of a picture with the aspect ratio width : height."""
    rows, columns = picture.shape[:2]
    keep_columns = min(columns, max(1, round(rows * width / height)))
    keep_rows = min(rows, max(1, round(columns * height / width)))
    left, top = (columns - keep_columns) // 2, (rows - keep_rows) // 2
    return picture[top : top + keep_rows, left : left + keep_columns]
