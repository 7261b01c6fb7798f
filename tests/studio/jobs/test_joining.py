"""A clip that goes on from another: every frame once, the old ones as they were."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from pipelines.domain.conditioning import ExtendClip, MaskClip, SourceClip
from pipelines.domain.frames import Frames
from studio.jobs.joining import joined, whole_clips
from tests.studio.library_samples import request

OLD, MASK = "a" * 64, "b" * 64


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


@pytest.mark.parametrize("pictures", [1, 3])
def test_outside_a_mask_the_source_is_untouched_and_the_outline_is_soft_inside(pictures: int) -> None:
    source = Frames(np.random.default_rng(0).integers(0, 255, (3, 100, 100, 3), np.uint8), 8.0)
    white = np.zeros((pictures, 100, 100, 3), np.uint8)
    white[:, 30:70, 40:] = 255
    asked = dataclasses.replace(request(1), conditioning=(SourceClip(media=OLD), MaskClip(media=MASK)))
    made = numbered([200, 201, 202, 203], side=100)
    result = joined(asked, {OLD: source, MASK: Frames(white, 8.0)}, made).pixels
    outside = white[0, ..., 0] == 0
    assert (result[:3][:, outside] == source.pixels[:, outside]).all()
    assert (result[:3, 34:66, 44:] == made.pixels[:3, 34:66, 44:]).all()
    assert (result[:3, 30:70, -1][:, 4:-4] == made.pixels[:3, 30:70, -1][:, 4:-4]).all()  # the border is no outline
    assert (result[3] == made.pixels[3]).all()  # after the source's end
    edge = result[0, 50, 40:44].astype(int) - made.pixels[0, 50, 40:44]
    assert (np.abs(edge[0]) > 0).any() and np.abs(edge[3]).max() == 0
