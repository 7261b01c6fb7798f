"""The small live picture of a denoising: a few frames as an animated WebP of bounded size."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

MAX_BYTES = 64 * 1024
_MILLISECONDS = 120
_QUALITIES = (70, 45, 20)


def encode(pixels: NDArray[np.uint8]) -> bytes | None:
    """An animated WebP of uint8 (T, H, W, 3) that loops for ever; None where even the coarsest is over MAX_BYTES."""
    pictures = [Image.fromarray(np.ascontiguousarray(frame)) for frame in pixels]
    for quality in _QUALITIES:
        data = _webp(pictures, quality)
        if len(data) <= MAX_BYTES:
            return data
    return None


def _webp(pictures: list[Image.Image], quality: int) -> bytes:
    buffer = io.BytesIO()
    pictures[0].save(
        buffer,
        "WEBP",
        save_all=True,
        append_images=pictures[1:],
        duration=_MILLISECONDS,
        loop=0,
        quality=quality,
        method=0,
        minimize_size=False,
    )
    return buffer.getvalue()
