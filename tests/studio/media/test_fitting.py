"""Frames fitted to a size, a length and a rate; the arithmetic of time as laws."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.domain.frames import Frames
from studio.media import conform
from studio.media.encode import frame_rate
from studio.media.fitting import Mode
from studio.media.timing import is_uniform, resampled, uniform
from tests.studio.media.samples import moving

RATES = st.fractions(min_value=Fraction(1, 4), max_value=240, max_denominator=1001)


@given(num_frames=st.integers(1, 400), rate=RATES)
def test_resampling_to_the_same_rate_changes_nothing(num_frames: int, rate: Fraction) -> None:
    assert resampled(num_frames, rate, rate) == list(range(num_frames))


@given(num_frames=st.integers(1, 200), source=RATES, target=RATES)
def test_resampling_keeps_order_and_duration(num_frames: int, source: Fraction, target: Fraction) -> None:
    picked = resampled(num_frames, source, target)
    assert picked == sorted(picked) and 0 <= picked[0] and picked[-1] < num_frames
    assert len(picked) == 1 or abs(len(picked) / target - num_frames / source) <= 1 / (2 * target)
    for tick, index in enumerate(picked):
        middle = (tick + Fraction(1, 2)) / target
        assert index / source <= middle and (middle < (index + 1) / source or index == num_frames - 1)


@given(num_frames=st.integers(1, 100), rate=RATES, factor=st.integers(1, 5))
def test_a_whole_multiple_of_the_rate_repeats_every_frame_as_often(
    num_frames: int, rate: Fraction, factor: int
) -> None:
    up = resampled(num_frames, rate, rate * factor)
    assert up == [i for i in range(num_frames) for _ in range(factor)]


@given(num_frames=st.integers(1, 200), fps=st.floats(1, 120))
def test_even_times_are_seen_as_even_and_stay(num_frames: int, fps: float) -> None:
    times = [1.5 + i / fps for i in range(num_frames)]
    assert is_uniform(times, fps)
    assert uniform(times, num_frames / fps, fps) == list(range(num_frames))


@pytest.mark.parametrize(
    ("fps", "rate"),
    [
        (23.976, Fraction(24000, 1001)),
        (24000 / 1001, Fraction(24000, 1001)),
        (29.97, Fraction(30000, 1001)),
        (59.94, Fraction(60000, 1001)),
        (24.0, Fraction(24)),
        (12.5, Fraction(25, 2)),
        (0.5, Fraction(1, 2)),
        (1e-9, Fraction(1, 1001)),
    ],
)
def test_a_rate_is_the_fraction_people_mean(fps: float, rate: Fraction) -> None:
    assert frame_rate(fps) == rate


@given(rate=RATES)
def test_a_rate_survives_being_a_float(rate: Fraction) -> None:
    assert abs(frame_rate(float(rate)) / rate - 1) < Fraction(1, 400)


@given(
    width=st.integers(1, 40),
    height=st.integers(1, 40),
    num_frames=st.integers(1, 20),
    fps=st.floats(1, 60),
    mode=st.sampled_from(["crop", "fit", "fill"]),
)
def test_conformed_frames_have_exactly_the_asked_shape(
    width: int, height: int, num_frames: int, fps: float, mode: Mode
) -> None:
    made = conform(moving(5, 24, 16), width, height, num_frames, fps, mode)
    assert made.pixels.shape == (num_frames, height, width, 3) and made.fps == fps


def test_crop_keeps_the_middle_fit_adds_bars_and_fill_stretches() -> None:
    pixels = np.zeros((1, 20, 40, 3), np.uint8)
    pixels[:, :, :10], pixels[:, :, 10:30], pixels[:, :, 30:] = (255, 0, 0), (0, 255, 0), (0, 0, 255)
    frames = Frames(pixels, 8.0)
    crop = conform(frames, 20, 20, 1, 8.0, "crop").pixels[0]
    assert (crop == (0, 255, 0)).all()
    fit = conform(frames, 40, 40, 1, 8.0, "fit").pixels[0]
    assert (fit[:10] == 0).all() and (fit[30:] == 0).all() and np.array_equal(fit[10:30], pixels[0])
    fill = conform(frames, 40, 40, 1, 8.0, "fill").pixels[0]
    assert (fill[:, :8] == (255, 0, 0)).all() and (fill[:, 32:] == (0, 0, 255)).all()


def test_what_is_too_long_is_cut_and_what_is_too_short_holds() -> None:
    frames = moving(5, 8, 8, 10.0)
    assert np.array_equal(conform(frames, 8, 8, 3, 10.0).pixels, frames.pixels[:3])
    held = conform(frames, 8, 8, 7, 10.0).pixels
    assert np.array_equal(held[:5], frames.pixels) and (held[5:] == frames.pixels[4]).all()


def test_half_the_rate_takes_every_second_frame() -> None:
    frames = moving(8, 8, 8, 16.0)
    assert np.array_equal(conform(frames, 8, 8, 4, 8.0).pixels, frames.pixels[1::2])
