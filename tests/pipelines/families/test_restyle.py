"""Restyling begins from the clip under noise: fewer steps, and the nearer to it the weaker."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from pipelines.domain.capabilities import problems
from pipelines.domain.conditioning import MaskClip, SourceClip
from pipelines.domain.frames import Frames
from pipelines.domain.request import GenerationRequest
from pipelines.families import family_named
from pipelines.families.family import ModelCard, Progress, Setup
from pipelines.families.wan.restyle import steps_taken, under_noise

CLIP = "c" * 64


@pytest.mark.parametrize(("strength", "taken"), [(1.0, 20), (0.5, 10), (0.51, 11), (0.01, 1)])
def test_the_strength_is_a_share_of_the_steps(strength: float, taken: int) -> None:
    assert steps_taken(20, strength) == taken


def test_full_noise_forgets_the_clip_and_none_is_the_clip() -> None:
    clip, noise = torch.ones(1, 2, 3), torch.full((1, 2, 3), 5.0)
    assert torch.equal(under_noise(clip, noise, 1.0), noise) and torch.equal(under_noise(clip, noise, 0.0), clip)


def test_a_weak_restyle_takes_few_steps_and_stays_near_the_clip(
    tiny_card: ModelCard, tiny_request: GenerationRequest
) -> None:
    loader, setup = family_named("wan").loader(), Setup(device="cpu", half=False)
    components = {name: loader.component(tiny_card, name, setup) for name in loader.shares(tiny_card)}
    model = loader.assemble(tiny_card, components, setup)
    shape = (tiny_request.num_frames, tiny_request.height, tiny_request.width, 3)
    clip = Frames(np.random.default_rng(0).integers(0, 255, shape, np.uint8), tiny_request.fps)
    made, steps = {}, {}
    for strength in (0.1, 1.0):
        seen: list[Progress] = []
        part = () if strength == 1.0 else (SourceClip(media=CLIP, strength=strength),)
        asked = dataclasses.replace(tiny_request, steps=10, conditioning=part)
        made[strength] = model.generate(asked, {CLIP: clip}, seen.append)
        steps[strength] = max(progress.step for progress in seen if progress.stage == "denoising")
    assert steps == {0.1: 1, 1.0: 10}
    own = dataclasses.replace(tiny_request, steps=10, conditioning=(SourceClip(media=CLIP),))
    kept = model.generate(own, {CLIP: clip}, lambda progress: None)
    assert made[0.1].digest() not in (made[1.0].digest(), kept.digest())


def test_a_restyle_goes_with_no_mask(tiny_card: ModelCard, tiny_request: GenerationRequest) -> None:
    able = tiny_card.capabilities
    part = SourceClip(media=CLIP, strength=0.6)
    assert problems(dataclasses.replace(tiny_request, conditioning=(part,)), able) == ()
    both = dataclasses.replace(tiny_request, conditioning=(part, MaskClip(media=CLIP)))
    assert [problem.field for problem in problems(both, able)] == ["source_clip"]
    beyond = dataclasses.replace(tiny_request, conditioning=(SourceClip(media=CLIP, strength=1.5),))
    assert len(problems(beyond, able)) == 1
    unable = dataclasses.replace(able, restyles=False)
    assert "cannot begin" in problems(dataclasses.replace(tiny_request, conditioning=(part,)), unable)[0].message
