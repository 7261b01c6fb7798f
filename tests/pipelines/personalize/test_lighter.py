"""A base in 8 bits: half as large, close to what it was, and still a base that a LoRA can be learned on."""

from __future__ import annotations

import copy
import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from pipelines.families.family import ModelCard
from pipelines.models.device import cpu_facts
from pipelines.personalize.files import LORA
from pipelines.personalize.learning import learn, load_own
from pipelines.personalize.lighter import STORED, EightBits, lighten
from pipelines.personalize.settings import Settings
from studio.subjects.estimating import LIGHT, Denoiser, device_bytes
from tests.pipelines.personalize.conftest import SMALL, ignore, lesson

FACTS = dataclasses.replace(cpu_facts(), half=False)


def stored_bytes(module: nn.Module) -> int:
    return sum(part.numel() * part.element_size() for part in (*module.parameters(), *module.buffers()))


def test_large_layers_are_halved_and_answer_nearly_the_same() -> None:
    torch.manual_seed(0)
    whole = nn.ModuleDict({"to_q": nn.Linear(256, 256), "norm": nn.Linear(256, 8)}).to(torch.bfloat16)
    light = copy.deepcopy(whole)
    lighten(light)
    assert isinstance(light["to_q"], EightBits) and light["to_q"].weight.dtype == STORED
    assert type(light["norm"]) is nn.Linear
    assert stored_bytes(light["to_q"]) / stored_bytes(whole["to_q"]) < LIGHT
    given = torch.randn(16, 256, dtype=torch.bfloat16, requires_grad=True)
    before, after = whole["to_q"](given), light["to_q"](given)
    assert (before - after).float().norm() / before.float().norm() < 0.05
    after.sum().backward()
    assert given.grad is not None and given.grad.abs().sum() > 0


@pytest.mark.parametrize("checkpointing", [False, True])
def test_a_lora_is_learned_on_a_light_base(base: ModelCard, folder: Path, checkpointing: bool) -> None:
    settings = dataclasses.replace(SMALL, method="lora", steps=3, light_base=True, checkpointing=checkpointing)
    light = learn(lesson(base, settings), base, FACTS, folder, ignore)
    assert len(light.losses) == 3 and np.isfinite(light.losses).all()
    up = [value for name, value in load_file(folder / "steps" / "000003" / LORA).items() if "lora_B" in name]
    assert all(value.dtype == torch.float32 and value.abs().max() > 0 for value in up)
    again = folder.parent / "whole"
    again.mkdir()
    whole = learn(lesson(base, dataclasses.replace(settings, light_base=False)), base, FACTS, again, ignore)
    np.testing.assert_allclose(light.losses, whole.losses, rtol=0.05)


def test_every_large_layer_of_a_base_is_stored_so(base: ModelCard) -> None:
    transformer = load_own(base, FACTS, light=True).pipe.transformer
    kept = {name for name, layer in transformer.named_modules() if isinstance(layer, EightBits)}
    assert {"blocks.0.attn1.to_q", "blocks.0.ffn.net.2"} <= kept


def test_the_estimate_knows_of_it() -> None:
    model = Denoiser(layers=8, dim=256, tokens=80, pass_flops=1e9, weights=10**9, denoising=8 * 10**8)
    whole, light = (device_bytes(Settings(light_base=light), model) for light in (False, True))
    assert whole - light == pytest.approx((1 - LIGHT) * 8e8)
