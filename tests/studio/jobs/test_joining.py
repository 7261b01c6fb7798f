"""A clip that goes on from another: every frame once, the old ones as they were."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from pipelines.domain.conditioning import ExtendClip
from pipelines.domain.frames import Frames
from studio.jobs.joining import joined, whole_clips
from tests.studio.library_samples import request

OLD = "a" * 64


def numbered(numbers: list[int], side: int = 32) -> Frames:
    return Frames(np.stack([np.full((side, side, 3), n, np.uint8) for n in numbers]), 8.0)


def shown(frames: Frames) -> list[int]:
    return [int(n) for n in frames.pixels[:, 0, 0, 0]]


@pytest.mark.parametrize(
    ("way", "made", "wanted"),
    [
        ("forward", [12, 13, 50, 51, 52], [10, 11, 12, 13, 50, 51, 52]),
        ("backward", [50, 51, 52, 10, 11], [50, 51, 52, 10, 11, 12, 13]),
    ],
)
def test_new_frames_are_joined_to_the_whole_clip_without_a_doubled_one(
    way: str, made: list[int], wanted: list[int]
) -> None:
    part = ExtendClip(media=OLD, way=way, keep=2)  # type: ignore[arg-type]
    asked = dataclasses.replace(request(1), conditioning=(part,))
    assert whole_clips(asked) == {OLD}
    result = joined(asked, {OLD: numbered([10, 11, 12, 13])}, numbered(made))
    assert (shown(result), result.fps) == (wanted, 8.0)


def test_a_clip_of_another_size_is_brought_to_the_new_one() -> None:
    asked = dataclasses.replace(request(1), conditioning=(ExtendClip(media=OLD, keep=1),))
    result = joined(asked, {OLD: numbered([10, 11], side=48)}, numbered([11, 50]))
    assert (result.width, result.height, shown(result)) == (32, 32, [10, 11, 50])


def test_what_extends_no_clip_stays_as_it_was_made() -> None:
    made = numbered([1, 2])
    assert joined(request(1), {}, made) is made and whole_clips(request(1)) == frozenset()
