"""The sound of a clip: what it may be, and how it is laid beside pictures."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.domain.frames import Frames
from pipelines.domain.sound import Sound


def tone(seconds: float, channels: int = 2, rate: int = 16_000) -> Sound:
    times = np.arange(round(seconds * rate)) / rate
    return Sound(np.tile(0.5 * np.sin(2 * np.pi * 440 * times), (channels, 1)).astype(np.float32), rate)


def test_it_lasts_as_long_as_is_wanted() -> None:
    sound = tone(1.0)
    assert sound.seconds == 1.0 and sound.lasting(0.25).seconds == 0.25
    longer = sound.lasting(1.5)
    assert longer.seconds == 1.5 and not longer.samples[:, 16_000:].any()
    assert np.array_equal(longer.samples[:, :16_000], sound.samples)


def test_it_begins_after_silence() -> None:
    later = tone(0.5).after(0.25)
    assert later.seconds == 0.75 and not later.samples[:, :4000].any()


@pytest.mark.parametrize(
    ("samples", "rate"),
    [
        (np.zeros((2, 10), np.int16), 16_000),
        (np.zeros((3, 10), np.float32), 16_000),
        (np.zeros((1, 0), np.float32), 16_000),
        (np.zeros(10, np.float32), 16_000),
        (np.zeros((1, 10), np.float32), 100),
    ],
)
def test_what_is_no_sound_is_refused(samples: np.ndarray, rate: int) -> None:  # type: ignore[type-arg]
    with pytest.raises(ValueError):
        Sound(samples, rate)


def test_frames_are_the_same_whatever_is_heard() -> None:
    pixels = np.zeros((2, 8, 8, 3), np.uint8)
    assert Frames(pixels, 8).sound is None
    assert Frames(pixels, 8, tone(0.25)).digest() == Frames(pixels, 8).digest()
