"""The library of LoRA: what each file was made for, told from its names and shapes alone, and how a clip uses one."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from pipelines.domain.adapters import AdapterUse
from pipelines.domain.errors import BrokenCheckpoint, InvalidRequest
from pipelines.families.family import ModelCard
from pipelines.models.lora_keys import fits, read_lora, width_of
from pipelines.models.loras import LoraShelf


def lora(path: Path, *names: str, width: int = 48, rank: int = 2, up: bool = True) -> Path:
    """A LoRA file whose layers are `names`, written as one half each (and the other where the naming has one)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    halves = {"lora_A": "lora_B", "lora_down": "lora_up"}
    tensors = {}
    for name in names:
        tensors[name] = torch.ones(rank, width)
        for down, other in halves.items():
            if up and f".{down}." in name:
                tensors[name.replace(down, other)] = torch.ones(width, rank)
    save_file(tensors, path)
    return path


@pytest.mark.parametrize(
    ("name", "width", "base", "trainer"),
    [
        ("transformer.blocks.0.attn1.to_q.lora_A.weight", 1536, "Wan 1.3B", "diffusers"),
        ("diffusion_model.blocks.3.self_attn.q.lora_A.weight", 5120, "Wan 14B", "original"),
        ("lora_unet_blocks_0_cross_attn_k.lora_down.weight", 5120, "Wan 14B", "kohya"),
        ("transformer.transformer_blocks.0.attn1.to_q.lora_A.weight", 2048, "LTX-Video", "diffusers"),
        ("transformer.transformer_blocks.0.attn1.to_q.lora_A.weight", 3072, "CogVideoX 5B", "diffusers"),
        ("base_model.model.blocks.0.attn1.to_q.lora_A.default.weight", 1536, "Wan 1.3B", "original"),
        ("base_model.model.transformer_blocks.0.attn1.to_q.lora_A.weight", 2048, "LTX-Video", "original"),
        ("lora_unet_transformer_blocks_0_attn1_to_q.lora_down.weight", 2048, "LTX-Video", "kohya"),
        ("lora_unet_transformer_blocks_0_attn1_to_q.lora_down.weight", 1920, "CogVideoX 2B", "kohya"),
        ("lora_unet_double_blocks_0_img_attn_qkv.lora_down.weight", 3072, "HunyuanVideo", "kohya"),
        ("unet.down_blocks.0.motion_modules.0.transformer_blocks.0.attn1.to_q.lora_A.weight", 320, "animatediff", "d"),
    ],
)
def test_the_base_is_known_from_the_keys(tmp_path: Path, name: str, width: int, base: str, trainer: str) -> None:
    facts = read_lora(lora(tmp_path / "x.safetensors", name, width=width, rank=8))
    assert base in facts.base and facts.trainer.startswith(trainer)
    assert (facts.width, facts.rank, facts.layers) == (width, 8, 1)


def test_what_is_no_lora_is_refused_with_its_reason(tmp_path: Path) -> None:
    whole = lora(tmp_path / "whole.safetensors", "blocks.0.attn1.to_q.weight", up=False)
    with pytest.raises(BrokenCheckpoint, match="is no LoRA"):
        read_lora(whole)
    with pytest.raises(BrokenCheckpoint, match="no model that Gimbal knows"):
        read_lora(lora(tmp_path / "odd.safetensors", "encoder.layer.7.dense.lora_A.weight"))
    (tmp_path / "old.ckpt").write_bytes(b"\x80\x04}.")
    with pytest.raises(BrokenCheckpoint, match="pickle"):
        read_lora(tmp_path / "old.ckpt")
    cut = lora(tmp_path / "cut.safetensors", "transformer.blocks.0.attn1.to_q.lora_A.weight")
    cut.write_bytes(cut.read_bytes()[:-9])
    with pytest.raises(BrokenCheckpoint, match="cut short"):
        read_lora(cut)


def test_a_file_is_added_once_and_found_by_name_or_hash(tmp_path: Path) -> None:
    shelf = LoraShelf(tmp_path / "loras")
    fog = shelf.add(lora(tmp_path / "in/fog.safetensors", "transformer.blocks.0.attn1.to_q.lora_A.weight"))
    assert shelf.add(tmp_path / "in/fog.safetensors") == fog and len(shelf.all()) == 1
    other = lora(tmp_path / "in2/fog.safetensors", "transformer.blocks.1.attn1.to_q.lora_A.weight")
    assert shelf.add(other).name != "fog" and len(shelf.all()) == 2
    assert shelf.named("fog") == shelf.named(fog.digest[:10]) == fog
    with pytest.raises(InvalidRequest, match="no LoRA 'rain'"):
        shelf.named("rain")


def test_a_file_dropped_by_hand_counts_and_a_broken_one_is_told(tmp_path: Path) -> None:
    lora(tmp_path / "dropped.safetensors", "diffusion_model.blocks.0.ffn.0.lora_A.weight")
    (tmp_path / "broken.safetensors").write_bytes(b"nothing")
    shelf = LoraShelf(tmp_path)
    before = shelf.all()
    assert [found.name for found in before] == ["dropped"] and shelf.broken[0][0].name == "broken.safetensors"
    lora(tmp_path / "dropped.safetensors", "diffusion_model.blocks.0.ffn.0.lora_A.weight", rank=4)
    assert shelf.all()[0].digest != before[0].digest  # a changed file is hashed anew


def test_a_lora_for_another_base_is_refused_by_name(tmp_path: Path, tiny_card: ModelCard) -> None:
    able = dataclasses.replace(tiny_card, capabilities=dataclasses.replace(tiny_card.capabilities, adapters=True))
    shelf = LoraShelf(tmp_path / "loras")
    right = shelf.add(lora(tmp_path / "right.safetensors", "transformer.blocks.0.attn1.to_q.lora_A.weight"))
    wide = shelf.add(lora(tmp_path / "wide.safetensors", "transformer.blocks.0.attn1.to_q.lora_A.weight", width=5120))
    ltx = shelf.add(lora(tmp_path / "ltx.safetensors", "transformer.transformer_blocks.0.attn1.to_q.lora_A.weight"))
    assert width_of(able) == 48
    assert fits(right.facts, able) == "" and "Wan 14B" in fits(wide.facts, able) and "not for" in fits(ltx.facts, able)
    adapters = shelf.resolve((AdapterUse(digest=right.digest, strength=0.5),), able)
    assert [(a.path, a.strength) for a in adapters] == [(right.path, 0.5)]
    uses = tuple(AdapterUse(digest=digest, name="n") for digest in (wide.digest, ltx.digest, "0" * 64))
    with pytest.raises(InvalidRequest) as caught:
        shelf.resolve(uses, able)
    assert len(caught.value.problems) == 3 and "not in the library" in caught.value.problems[2].message


def test_a_model_without_lora_says_so(tmp_path: Path, tiny_card: ModelCard) -> None:
    card = dataclasses.replace(tiny_card, capabilities=dataclasses.replace(tiny_card.capabilities, adapters=False))
    facts = read_lora(lora(tmp_path / "x.safetensors", "transformer.blocks.0.attn1.to_q.lora_A.weight"))
    assert "takes no LoRA" in fits(facts, card)
