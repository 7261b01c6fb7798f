"""A Wan VACE checkpoint with two transformers: the second one works at low noise, and both must fit together."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from diffusers import WanVACETransformer3DModel

from pipelines.domain.errors import BrokenCheckpoint
from pipelines.families import wan
from pipelines.families.family import ModelCard, Setup
from tests.pipelines import tiny
from tests.pipelines.conftest import smallest_request

SETUP = Setup(device="cpu", half=False)


@pytest.fixture
def double(own_folder: Path) -> Path:
    """The tiny checkpoint with a second expert."""
    tiny.add_expert(own_folder)
    return own_folder


def clip(card: ModelCard, steps: int) -> str:
    loader = wan.loader()
    components = {name: loader.component(card, name, SETUP) for name in loader.shares(card)}
    model = loader.assemble(card, components, SETUP)
    return model.generate(smallest_request(card, steps=steps), {}, lambda progress: None).digest()


def test_the_second_expert_works_at_low_noise_only(double: Path) -> None:
    index = double / "model_index.json"
    made = {}
    for ratio in (0.001, 0.9):
        index.write_text(json.dumps({**json.loads(index.read_text()), "boundary_ratio": ratio}))
        made[ratio] = clip(wan.card(double, "double"), 4)
    plain = json.loads(index.read_text())
    del plain["transformer_2"], plain["boundary_ratio"]
    index.write_text(json.dumps(plain))
    assert made[0.001] == clip(wan.card(double, "single"), 4) != made[0.9]


def test_its_weights_count_once_more_and_its_work_does_not(double: Path, tiny_card: ModelCard) -> None:
    card = wan.card(double, "double")
    request = smallest_request(card)
    two, one = wan.footprint(card, request), wan.footprint(tiny_card, request)
    assert two.components["transformer_2"] == two.components["transformer"] == one.components["transformer"]
    assert two.flops == one.flops


def test_experts_of_different_shapes_are_refused(double: Path) -> None:
    config = WanVACETransformer3DModel.load_config(double / "transformer_2")
    WanVACETransformer3DModel.from_config({**config, "ffn_dim": 32}).save_pretrained(double / "transformer_2")
    with pytest.raises(BrokenCheckpoint, match="different shapes"):
        wan.card(double, "double")


@pytest.mark.parametrize("ratio", [None, 0, 1, "half"])
def test_an_index_that_does_not_say_when_it_takes_over_is_refused(double: Path, ratio: object) -> None:
    index = double / "model_index.json"
    index.write_text(json.dumps({**json.loads(index.read_text()), "boundary_ratio": ratio}))
    with pytest.raises(BrokenCheckpoint, match="second transformer takes over") as caught:
        wan.card(double, "double")
    assert "boundary_ratio" in caught.value.hint
