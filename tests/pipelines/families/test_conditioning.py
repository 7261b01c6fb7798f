"""What VACE is given: white asks for new pixels, black keeps, grey says nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.domain.conditioning import (
    Conditioning,
    ControlClip,
    EndImage,
    ExtendClip,
    KeyImage,
    MaskClip,
    ReferenceImage,
    SourceClip,
    StartImage,
)
from pipelines.domain.errors import InvalidRequest
from pipelines.domain.frames import Frames
from pipelines.domain.request import GenerationRequest
from pipelines.families.pictures import cover
from pipelines.families.wan.conditioning import VaceInput, compose

T, H, W = 9, 32, 48
A, B, C = ("a" * 64, "b" * 64, "c" * 64)


def clip(value: int, length: int = T, width: int = W, height: int = H) -> Frames:
    return Frames(np.full((length, height, width, 3), value, np.uint8), 8)


def composed(media: dict[str, Frames], *parts: Conditioning) -> VaceInput:
    request = GenerationRequest(
        model="m",
        prompt="p",
        seed=0,
        width=W,
        height=H,
        num_frames=T,
        fps=8,
        steps=1,
        guidance=1,
        conditioning=parts,
    )
    return compose(request, media, group=4)


def test_words_alone_give_no_video_and_no_mask() -> None:
    given_ = composed({})
    assert given_.video is None and given_.mask is None and given_.references == () and given_.strength == 1.0


@pytest.mark.parametrize(
    ("part", "frame"),
    [(StartImage(media=A), 0), (EndImage(media=A), T - 1), (KeyImage(media=A, frame=4), 4)],
)
def test_a_picture_is_kept_at_its_frame_and_all_else_is_asked_for(part: Conditioning, frame: int) -> None:
    made = composed({A: clip(255, 1)}, part)
    assert made.video is not None and made.mask is not None
    others = [t for t in range(T) if t != frame]
    assert (made.mask[frame] == 0).all() and (made.mask[others] == 1).all()
    assert (made.video[frame] == 1).all() and (made.video[others] == 0.5).all()


def test_start_and_end_stand_together() -> None:
    made = composed({A: clip(255, 1), B: clip(0, 1)}, StartImage(media=A), EndImage(media=B))
    assert made.video is not None and made.mask is not None
    assert made.mask.mean(axis=(1, 2)).tolist() == [0, *[1] * (T - 2), 0]
    assert (made.video[0] == 1).all() and (made.video[-1] == 0).all()


def test_a_source_without_a_mask_is_kept_whole() -> None:
    made = composed({A: clip(255)}, SourceClip(media=A))
    assert made.mask is not None and made.video is not None
    assert (made.mask == 0).all() and (made.video == 1).all()


def test_a_short_source_is_continued() -> None:
    made = composed({A: clip(255, 5)}, SourceClip(media=A))
    assert made.mask is not None and made.video is not None
    assert (made.mask[:5] == 0).all() and (made.mask[5:] == 1).all() and (made.video[5:] == 0.5).all()


def test_going_on_forward_is_the_same_as_a_short_source_made_of_the_last_frames() -> None:
    whole = Frames(np.arange(12 * H * W * 3).astype(np.uint8).reshape(12, H, W, 3), 8)
    going_on = composed({A: whole}, ExtendClip(media=A, way="forward", keep=5))
    source = composed({A: Frames(whole.pixels[-5:], 8)}, SourceClip(media=A))
    assert going_on.video is not None and source.video is not None and going_on.mask is not None
    assert (going_on.video == source.video).all() and (going_on.mask == source.mask).all()


def test_going_on_backward_is_the_same_as_a_source_whose_beginning_is_masked() -> None:
    whole = Frames(np.arange(12 * H * W * 3).astype(np.uint8).reshape(12, H, W, 3), 8)
    going_on = composed({A: whole}, ExtendClip(media=A, way="backward", keep=4))
    laid = clip(0)
    laid.pixels[-4:] = whole.pixels[:4]
    white = clip(255)
    white.pixels[-4:] = 0
    source = composed({A: laid, B: white}, SourceClip(media=A), MaskClip(media=B))
    assert going_on.video is not None and source.video is not None and going_on.mask is not None
    assert (going_on.video == source.video).all() and (going_on.mask == source.mask).all()


def test_a_clip_that_is_extended_can_lead_to_an_end_picture() -> None:
    parts = (ExtendClip(media=A, way="forward", keep=1), EndImage(media=B))
    made = composed({A: clip(255), B: clip(0, 1)}, *parts)
    assert made.mask is not None and made.mask.mean(axis=(1, 2)).tolist() == [0, *[1] * (T - 2), 0]


def test_one_mask_picture_holds_for_every_frame() -> None:
    mask = clip(0, 1)
    mask.pixels[:, :, : W // 2] = 255
    made = composed({A: clip(255), B: mask}, SourceClip(media=A), MaskClip(media=B))
    assert made.mask is not None and made.video is not None
    assert (made.mask[:, :, : W // 2] == 1).all() and (made.mask[:, :, W // 2 :] == 0).all()
    assert (made.video[:, :, : W // 2] == 0.5).all() and (made.video[:, :, W // 2 :] == 1).all()


@given(st.sets(st.integers(0, T - 1)))
def test_holes_cover_whole_groups_of_latent_frames(white: set[int]) -> None:
    mask = clip(0)
    mask.pixels[sorted(white)] = 255
    made = composed({A: clip(255), B: mask}, SourceClip(media=A), MaskClip(media=B))
    assert made.mask is not None
    per_frame = made.mask.max(axis=(1, 2)).tolist()
    groups = [{0}, {1, 2, 3, 4}, {5, 6, 7, 8}]
    assert per_frame == [float(any(t in g and g & white for g in groups)) for t in range(T)]


def test_a_control_clip_fills_what_is_asked_for() -> None:
    made = composed({A: clip(51)}, ControlClip(media=A, control="depth", strength=0.5))
    assert made.video is not None and made.mask is not None
    assert (made.mask == 1).all() and np.allclose(made.video, 0.2) and made.strength == 0.5


def test_a_control_clip_shows_only_through_the_mask_of_a_source() -> None:
    mask = clip(0, 1)
    mask.pixels[:, : H // 2] = 255
    parts = (SourceClip(media=A), MaskClip(media=B), ControlClip(media=C, control="pose"))
    made = composed({A: clip(255), B: mask, C: clip(0)}, *parts)
    assert made.video is not None
    assert (made.video[:, : H // 2] == 0).all() and (made.video[:, H // 2 :] == 1).all()


def test_references_keep_their_shape_and_touch_no_frame() -> None:
    made = composed({A: clip(9, 1, width=7, height=5)}, ReferenceImage(media=A))
    assert made.video is None and [r.shape for r in made.references] == [(5, 7, 3)]


@pytest.mark.parametrize(
    ("media", "parts", "field"),
    [
        ({}, (StartImage(media=A),), "start_image"),
        ({A: clip(0, 5)}, (ControlClip(media=A, control="depth"),), "control_clip"),
        ({A: clip(0, 3)}, (ExtendClip(media=A, keep=5),), "extend_clip"),
        ({A: clip(0), B: clip(0, 5)}, (SourceClip(media=A), MaskClip(media=B)), "mask_clip"),
    ],
)
def test_media_that_are_missing_or_too_short_are_named(
    media: dict[str, Frames], parts: tuple[Conditioning, ...], field: str
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        composed(media, *parts)
    assert [p.field for p in caught.value.problems] == [field] and caught.value.hint


def test_a_mask_as_long_as_its_short_source_is_enough() -> None:
    made = composed({A: clip(255, 5), B: clip(255, 5)}, SourceClip(media=A), MaskClip(media=B))
    assert made.mask is not None and (made.mask == 1).all()


sides = st.integers(1, 60)


@given(sides, sides, sides, sides)
def test_covering_gives_the_asked_size_and_keeps_a_flat_picture(w: int, h: int, width: int, height: int) -> None:
    covered = cover(np.full((2, h, w, 3), 77, np.uint8), width, height)
    assert covered.shape == (2, height, width, 3) and (covered == 77).all()


def test_covering_crops_evenly_on_both_sides() -> None:
    wide = np.zeros((1, 10, 30, 3), np.uint8)
    wide[:, :, 10:20] = 200
    assert (cover(wide, 10, 10)[:, :, 2:8] == 200).all()


def test_covering_its_own_size_changes_no_bit() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3), np.uint8)
    assert cover(noise, 16, 16) is noise
