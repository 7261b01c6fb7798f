"""One training's steps, without the lesson around them."""

from __future__ import annotations

import dataclasses
from typing import Any

import torch
from accelerate import Accelerator

from pipelines.families.family import ModelCard
from pipelines.models.device import cpu_facts
from pipelines.personalize import words
from pipelines.personalize.bases import base_of
from pipelines.personalize.examples import Latents
from pipelines.personalize.learning import load_own
from pipelines.personalize.settings import BATCHES
from pipelines.personalize.training import Trainer
from pipelines.personalize.weighing import alike
from tests.pipelines.personalize.conftest import SMALL

STEPS = BATCHES + 16
CLIP = (8, 2, 4, 4)
"""Latents (c, f, h, w) of a clip small enough for many steps."""


def test_the_base_is_asked_once_about_each_batch_of_its_class(base: ModelCard) -> None:
    settings = dataclasses.replace(SMALL, steps=STEPS)
    trained = base_of(load_own(base, dataclasses.replace(cpu_facts(), half=False)).pipe, base, settings)
    pipe = trained.pipe
    rows = words.begin(pipe.tokenizer, pipe.text_encoder, "ball", settings.vectors, settings.seed)
    worn = words.Words(pipe.tokenizer, pipe.text_encoder, {"<my-ball>": rows})
    learns: list[bool] = []

    def note(*_told: Any) -> None:
        learns.append(torch.is_grad_enabled())

    pipe.tokenizer = worn.tokenizer
    worn.put_on()
    trainer = Trainer(trained, worn, _latents(worn), settings, Accelerator(cpu=True))
    pipe.transformer.register_forward_hook(note)
    while not trainer.done:
        trainer.step()
    assert learns.count(True) == STEPS, "one pass of a step, for the subject and its class together"
    assert BATCHES // 2 < learns.count(False) <= BATCHES, "the base's own answers"


def _latents(worn: words.Words) -> Latents:
    generator = torch.Generator().manual_seed(5)
    return Latents(
        subject=torch.randn((4, *CLIP), generator=generator),
        weights=alike(4),
        captions=(worn.text("a <my-ball> ball on sand"),) * 4,
        held_out=torch.zeros((0, *CLIP)),
        held_weights=alike(0),
        held_captions=(),
        prior=torch.randn((3, *CLIP), generator=generator),
        prior_captions=("a ball on sand",) * 3,
    )
