"""Laws of the frame grid and of the validator that reads the same record as the form."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.domain.adapters import AdapterUse
from pipelines.domain.capabilities import Capabilities, FrameGrid, Range, problems, unknown_words
from pipelines.domain.conditioning import (
    Conditioning,
    ControlClip,
    EndImage,
    ExtendClip,
    KeyImage,
    MaskClip,
    SourceClip,
    StartImage,
)
from pipelines.domain.request import GenerationRequest
from tests.pipelines.domain.strategies import grids

MEDIA = "a" * 64
sides = st.integers(1, 10_000)


def capabilities_of(grid: FrameGrid, *kinds: str) -> Capabilities:
    steps, guidance = Range(low=1, high=50, default=20), Range(low=1, high=8, default=3)
    return Capabilities(grid=grid, steps=steps, guidance=guidance, conditionings=frozenset(kinds))


def request_on(grid: FrameGrid, width: int, height: int, num_frames: int) -> GenerationRequest:
    return GenerationRequest(
        model="m",
        prompt="a ball",
        seed=0,
        width=width,
        height=height,
        num_frames=num_frames,
        fps=grid.fps.default,
        steps=20,
        guidance=3,
    )


GRID = FrameGrid(
    size_multiple=16,
    min_side=64,
    max_side=256,
    max_pixels=128 * 256,
    sizes=((128, 128),),
    frames_multiple=4,
    lengths=(17,),
    max_frames=33,
    fps=Range(low=4, high=24, default=8),
)
GOOD = request_on(GRID, 128, 128, 17)


@given(grids(), sides, sides)
def test_snapping_a_size_twice_is_snapping_it_once(grid: FrameGrid, width: int, height: int) -> None:
    once = grid.snap_size(width, height)
    assert grid.snap_size(*once) == once


@given(grids(), sides, sides, st.integers(-5, 1000))
def test_a_snapped_request_has_no_problems(grid: FrameGrid, width: int, height: int, frames: int) -> None:
    snapped = request_on(grid, *grid.snap_size(width, height), grid.snap_frames(frames))
    assert problems(snapped, capabilities_of(grid)) == ()


@given(grids(), st.integers(-5, 1000))
def test_snapping_a_length_twice_is_snapping_it_once(grid: FrameGrid, frames: int) -> None:
    once = grid.snap_frames(frames)
    assert grid.snap_frames(once) == once
    assert (once - 1) % grid.frames_multiple == 0 and 1 <= once <= grid.max_frames


@given(st.integers(64, 256), st.integers(64, 256))
def test_a_size_is_refused_exactly_when_snapping_changes_it(width: int, height: int) -> None:
    found = problems(request_on(GRID, width, height, 17), capabilities_of(GRID))
    assert bool(found) == (GRID.snap_size(width, height) != (width, height))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"prompt": "  \n"}, "prompt"),
        ({"prompt": "x" * 4001}, "prompt"),
        ({"negative_prompt": "x" * 4001}, "negative_prompt"),
        ({"width": 100}, "size"),
        ({"width": 1024}, "size"),
        ({"num_frames": 18}, "num_frames"),
        ({"num_frames": 37}, "num_frames"),
        ({"fps": 100.0}, "fps"),
        ({"fps": float("nan")}, "fps"),
        ({"seed": -1}, "seed"),
        ({"steps": 0}, "steps"),
        ({"guidance": 9.0}, "guidance"),
    ],
)
def test_each_bad_value_is_named_with_a_next_step(change: dict[str, object], field: str) -> None:
    request = dataclasses.replace(GOOD, **change)  # type: ignore[arg-type]
    (problem,) = problems(request, capabilities_of(GRID))
    assert problem.field == field
    assert problem.message and problem.hint


def test_all_problems_are_told_at_once() -> None:
    bad = dataclasses.replace(GOOD, prompt="", width=1, num_frames=2, fps=0.0, seed=-1, steps=0, guidance=0.0)
    fields = {problem.field for problem in problems(bad, capabilities_of(GRID))}
    assert fields == {"prompt", "size", "num_frames", "fps", "seed", "steps", "guidance"}


@pytest.mark.parametrize(
    ("parts", "field"),
    [
        ((StartImage(media=MEDIA),), "start_image"),
        ((EndImage(media=MEDIA), EndImage(media=MEDIA)), "end_image"),
        ((MaskClip(media=MEDIA),), "mask_clip"),
        ((ExtendClip(media=MEDIA, keep=0),), "extend_clip"),
        ((ExtendClip(media=MEDIA, keep=17),), "extend_clip"),
        ((ExtendClip(media=MEDIA), SourceClip(media=MEDIA)), "extend_clip"),
        ((ExtendClip(media=MEDIA, way="backward"), EndImage(media=MEDIA)), "extend_clip"),
        ((KeyImage(media=MEDIA, frame=17),), "key_image"),
        ((KeyImage(media=MEDIA, frame=-1),), "key_image"),
        ((ControlClip(media=MEDIA, control="depth", strength=3.0),), "control_clip"),
        ((ControlClip(media=MEDIA, control="depth"), ControlClip(media=MEDIA, control="pose")), "control_clip"),
    ],
)
def test_conditioning_that_does_not_fit_is_named(parts: tuple[Conditioning, ...], field: str) -> None:
    allowed = capabilities_of(GRID, "end_image", "mask_clip", "source_clip", "key_image", "control_clip")
    (problem,) = problems(dataclasses.replace(GOOD, conditioning=parts), allowed)
    assert problem.field == field and problem.hint


def test_a_model_takes_as_many_control_clips_as_it_follows() -> None:
    both = dataclasses.replace(
        GOOD, conditioning=(ControlClip(media=MEDIA, control="depth"), ControlClip(media=MEDIA, control="pose"))
    )
    able = dataclasses.replace(capabilities_of(GRID, "control_clip"), max_controls=2)
    assert problems(both, able) == ()


def test_what_takes_a_source_clip_can_go_on_from_a_clip() -> None:
    request = dataclasses.replace(GOOD, conditioning=(ExtendClip(media=MEDIA),))
    assert problems(request, capabilities_of(GRID, "source_clip")) == ()
    (problem,) = problems(request, capabilities_of(GRID, "start_image"))
    assert problem.field == "extend_clip"


def test_a_mask_with_its_source_is_fine() -> None:
    parts = (SourceClip(media=MEDIA), MaskClip(media=MEDIA))
    request = dataclasses.replace(GOOD, conditioning=parts)
    assert problems(request, capabilities_of(GRID, "mask_clip", "source_clip")) == ()


def test_a_negative_prompt_is_refused_where_the_model_takes_none() -> None:
    deaf = dataclasses.replace(capabilities_of(GRID), negative_prompt=False)
    (problem,) = problems(dataclasses.replace(GOOD, negative_prompt="blur"), deaf)
    assert problem.field == "negative_prompt"


def test_words_outside_the_vocabulary_are_listed_once_in_order() -> None:
    knowing = dataclasses.replace(capabilities_of(GRID), vocabulary=frozenset({"a", "red", "ball", "don't"}))
    assert unknown_words("A dragon, a red Dragon and don't-know ball 3", knowing) == ("dragon", "and", "don't-know")


@given(st.text())
def test_a_model_without_a_vocabulary_knows_every_word(prompt: str) -> None:
    assert unknown_words(prompt, capabilities_of(GRID)) == ()


@pytest.mark.parametrize(
    ("uses", "takes", "said"),
    [
        ((AdapterUse(digest=MEDIA),), True, ""),
        ((AdapterUse(digest=MEDIA),), False, "takes no LoRA"),
        ((AdapterUse(digest=MEDIA, strength=3),), True, "strength 3"),
        ((AdapterUse(digest=MEDIA, strength=float("nan")),), True, "strength"),
        ((AdapterUse(digest="../x", name="fog"),), True, "fog is named by"),
        ((AdapterUse(digest=MEDIA), AdapterUse(digest=MEDIA)), True, "twice"),
        (tuple(AdapterUse(digest=f"{n:064x}") for n in range(5)), True, "too many"),
    ],
)
def test_lora_fit_the_model_or_it_is_said_why(uses: tuple[AdapterUse, ...], takes: bool, said: str) -> None:
    able = dataclasses.replace(capabilities_of(GRID), adapters=takes)
    found = problems(dataclasses.replace(GOOD, adapters=uses), able)
    assert (said in found[0].message and found[0].field == "adapters") if said else not found


def test_a_final_clip_takes_no_shortcut() -> None:
    final = dataclasses.replace(GOOD, shortcut="deep")
    able = dataclasses.replace(capabilities_of(GRID), draft=True)
    assert [p.field for p in problems(final, able)] == ["shortcut"]
    assert problems(dataclasses.replace(final, draft=True), able) == ()


def test_a_draft_is_refused_where_there_is_none() -> None:
    draft = dataclasses.replace(GOOD, draft=True)
    assert [p.field for p in problems(draft, capabilities_of(GRID))] == ["draft"]
    assert problems(draft, dataclasses.replace(capabilities_of(GRID), draft=True)) == ()
