"""A control clip may count for a part of the denoising."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from pipelines.domain.capabilities import problems
from pipelines.domain.conditioning import ControlClip, StartImage
from pipelines.domain.frames import Frames
from pipelines.domain.request import GenerationRequest
from pipelines.families import family_named
from pipelines.families.family import ModelCard, Setup

CLIP = "c" * 64


def test_a_part_of_the_steps_is_neither_all_nor_none(tiny_card: ModelCard, tiny_request: GenerationRequest) -> None:
    loader, setup = family_named("wan").loader(), Setup(device="cpu", half=False)
    model = loader.assemble(
        tiny_card, {name: loader.component(tiny_card, name, setup) for name in loader.shares(tiny_card)}, setup
    )
    shape = (tiny_request.num_frames, tiny_request.height, tiny_request.width, 3)
    media = {CLIP: Frames(np.random.default_rng(0).integers(0, 255, shape, np.uint8), tiny_request.fps)}

    def made(**span: float) -> str:
        part = ControlClip(media=CLIP, control="depth", **span)
        asked = dataclasses.replace(tiny_request, steps=4, conditioning=(part,))
        return model.generate(asked, media, lambda progress: None).digest()

    whole, early, late, none = made(), made(end=0.5), made(start=0.5), made(strength=0.0)
    assert len({whole, early, late, none}) == 4
    assert made(start=0.0, end=1.0) == whole  # and nothing of the spans is left


@pytest.mark.parametrize(
    ("parts", "count"),
    [
        ((ControlClip(media=CLIP, control="depth", end=0.5),), 0),
        ((ControlClip(media=CLIP, control="depth", start=0.5, end=0.5),), 1),
        ((ControlClip(media=CLIP, control="depth", end=0.5), ControlClip(media=CLIP, control="pose")), 1),
        ((ControlClip(media=CLIP, control="depth", end=0.5), StartImage(media=CLIP)), 1),
    ],
)
def test_a_span_that_makes_no_sense_is_told(
    tiny_card: ModelCard, tiny_request: GenerationRequest, parts: tuple[ControlClip, ...], count: int
) -> None:
    asked = dataclasses.replace(tiny_request, conditioning=parts)
    assert [problem.field for problem in problems(asked, tiny_card.capabilities)] == ["control_clip"] * count
    unable = dataclasses.replace(tiny_card.capabilities, control_span=False)
    assert len(problems(asked, unable)) == count + 1
