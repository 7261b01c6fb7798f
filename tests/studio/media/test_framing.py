"""What of a picture a clip shows: always the asked shape, always inside the picture."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from studio.media.framing import Framing, framed
from tests.studio.media.samples import moving

sides = st.integers(1, 4000)
parts = st.floats(0, 1)
framings = st.builds(Framing, mode=st.sampled_from(["fill", "crop"]), x=parts, y=parts, zoom=st.floats(1, 20))


@given(framings, sides, sides, sides, sides)
def test_the_part_has_the_shape_of_the_frame_and_lies_in_the_picture(
    framing: Framing, columns: int, rows: int, width: int, height: int
) -> None:
    left, top, right, bottom = framing.box(columns, rows, width, height)
    assert -1e-6 <= left < right <= columns + 1e-6 and -1e-6 <= top < bottom <= rows + 1e-6
    assert abs((right - left) * height - (bottom - top) * width) <= 1e-6 * columns * rows * max(width, height)


def test_a_picture_that_fills_its_frame_is_left_as_it_is() -> None:
    picture = moving(1, 48, 32).pixels[0]
    assert framed(picture, Framing(), 48, 32) is picture
    assert framed(picture, Framing(mode="crop"), 48, 32) is picture


def test_a_crop_shows_the_chosen_part() -> None:
    picture = np.zeros((40, 80, 3), np.uint8)
    picture[:, 40:] = 255
    assert framed(picture, Framing(mode="crop", x=0.2, zoom=1.5), 16, 16).max() == 0
    assert framed(picture, Framing(mode="crop", x=0.8, zoom=1.5), 16, 16).min() == 255
    assert 100 < framed(picture, Framing(), 16, 16).mean() < 155


def test_a_fit_shows_all_of_it_between_black_bars() -> None:
    picture = np.full((40, 80, 3), 200, np.uint8)
    shown = framed(picture, Framing(mode="fit"), 32, 32)
    assert shown.shape == (32, 32, 3) and shown[:8].max() == 0 and shown[24:].max() == 0 and shown[8:24].min() == 200
