"""The live picture: a looping animation that never grows beyond its bound."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from studio.jobs import preview


def test_a_preview_shows_every_frame_and_loops() -> None:
    pixels = np.zeros((5, 64, 96, 3), np.uint8)
    for number, frame in enumerate(pixels):
        frame[:, number * 16 : number * 16 + 16] = 255
    data = preview.encode(pixels)
    assert data is not None
    with Image.open(io.BytesIO(data)) as image:
        assert (image.size, getattr(image, "n_frames", 0), image.info["loop"]) == ((96, 64), 5, 0)


def test_noise_of_the_usual_size_fits_the_bound() -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (8, 96, 96, 3), dtype=np.uint8)
    data = preview.encode(pixels)
    assert data is not None and len(data) <= preview.MAX_BYTES


def test_what_cannot_be_made_small_enough_is_left_out() -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (24, 256, 256, 3), dtype=np.uint8)
    assert preview.encode(pixels) is None
