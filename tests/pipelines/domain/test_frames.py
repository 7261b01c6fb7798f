"""Frames say what they are and know when they are the same."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pipelines.domain.errors import InvalidRequest, NoSpace, OutOfMemory, Problem, Stopped
from pipelines.domain.frames import Frames

pixels = arrays(np.uint8, st.tuples(st.integers(1, 3), st.integers(1, 4), st.integers(1, 4), st.just(3)))


@given(pixels, st.floats(0.1, 120))
def test_frames_tell_their_shape(array: np.ndarray, fps: float) -> None:
    frames = Frames(array, fps)
    assert (len(frames), frames.height, frames.width, 3) == array.shape
    assert frames.seconds == pytest.approx(len(frames) / fps)


@given(pixels)
def test_one_changed_bit_changes_the_digest(array: np.ndarray) -> None:
    other = array.copy()
    other.flat[0] ^= 1
    assert Frames(array, 8).digest() == Frames(array.copy(), 24).digest()
    assert Frames(array, 8).digest() != Frames(other, 8).digest()


def test_the_same_bytes_in_another_shape_are_another_clip() -> None:
    flat = np.zeros((1, 2, 4, 3), np.uint8)
    assert Frames(flat, 8).digest() != Frames(flat.reshape(1, 4, 2, 3), 8).digest()


@pytest.mark.parametrize(
    ("array", "fps"),
    [
        (np.zeros((1, 2, 2, 3), np.float32), 8.0),
        (np.zeros((0, 2, 2, 3), np.uint8), 8.0),
        (np.zeros((1, 2, 2, 4), np.uint8), 8.0),
        (np.zeros((2, 2, 3), np.uint8), 8.0),
        (np.zeros((1, 2, 2, 3), np.uint8), 0.0),
        (np.zeros((1, 2, 2, 3), np.uint8), float("nan")),
    ],
)
def test_what_is_no_clip_is_refused(array: np.ndarray, fps: float) -> None:
    with pytest.raises(ValueError):
        Frames(array, fps)


@pytest.mark.parametrize(
    "error",
    [InvalidRequest((Problem(field="size", message="no", hint="try"),)), NoSpace("full", "empty it"), Stopped("x")],
)
def test_errors_cross_process_borders_whole(error: OutOfMemory) -> None:
    again = pickle.loads(pickle.dumps(error))  # noqa: S301
    assert type(again) is type(error)
    assert (again.message, again.hint) == (error.message, error.hint)
