"""LoRA files of other trainers: each common layout is read to the same layers, all else refused with its reason."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from pipelines.domain.errors import MediaError
from pipelines.models.lora_layouts import Layout, Shapes, read_layout
from pipelines.personalize.files import read_header, rewrite

WAN: Shapes = {
    "blocks.0.attn1.to_q.weight": (8, 8), "blocks.0.attn2.to_out.0.weight": (8, 8),
    "blocks.0.ffn.net.2.weight": (8, 32), "blocks.1.attn1.to_q.weight": (8, 8), "blocks.0.attn1.to_q.bias": (8,),
}  # fmt: skip
LTX: Shapes = {"transformer_blocks.3.attn1.to_q.weight": (8, 8), "proj_in.weight": (8, 4)}
COG: Shapes = {"transformer_blocks.0.attn1.to_q.weight": (8, 8), "transformer_blocks.0.ff.net.0.proj.weight": (32, 8)}


def pair(stem: str, weight: tuple[int, ...], down: str = "lora_A", up: str = "lora_B") -> Shapes:
    return {f"{stem}.{down}.weight": (2, weight[1]), f"{stem}.{up}.weight": (weight[0], 2)}


def layers(layout: Layout) -> set[str]:
    return {name.removeprefix("transformer.").rpartition(".lora_")[0] for name in layout.names.values()}


@pytest.mark.parametrize(
    ("stem", "down", "up", "base", "layer"),
    [
        ("transformer.blocks.0.attn1.to_q", "lora_A", "lora_B", WAN, "blocks.0.attn1.to_q"),
        ("base_model.model.blocks.0.attn1.to_q", "lora_A", "lora_B", WAN, "blocks.0.attn1.to_q"),
        ("base_model.model.blocks.0.attn1.to_q", "lora_A.default", "lora_B.default", WAN, "blocks.0.attn1.to_q"),
        ("diffusion_model.blocks.0.self_attn.q", "lora_down", "lora_up", WAN, "blocks.0.attn1.to_q"),
        ("diffusion_model.blocks.0.cross_attn.o", "lora_A", "lora_B", WAN, "blocks.0.attn2.to_out.0"),
        ("lora_unet_blocks_0_self_attn_q", "lora_down", "lora_up", WAN, "blocks.0.attn1.to_q"),
        ("lora_unet_blocks_0_ffn_2", "lora_down", "lora_up", WAN, "blocks.0.ffn.net.2"),
        ("diffusion_model.transformer_blocks.3.attn1.to_q", "lora_A", "lora_B", LTX, "transformer_blocks.3.attn1.to_q"),
        ("diffusion_model.patchify_proj", "lora_A", "lora_B", LTX, "proj_in"),
        ("lora_unet_transformer_blocks_3_attn1_to_q", "lora_down", "lora_up", LTX, "transformer_blocks.3.attn1.to_q"),
        (
            "transformer.transformer_blocks.0.ff.net.0.proj",
            "lora_A",
            "lora_B",
            COG,
            "transformer_blocks.0.ff.net.0.proj",
        ),
        ("lora_unet_transformer_blocks_0_attn1_to_q", "lora_down", "lora_up", COG, "transformer_blocks.0.attn1.to_q"),
    ],
)
def test_every_common_layout_leads_to_the_same_layer(stem: str, down: str, up: str, base: Shapes, layer: str) -> None:
    layout = read_layout(pair(stem, base[f"{layer}.weight"], down, up), base, {}, "file")
    assert layers(layout) == {layer}
    assert (layout.metadata, set(layout.ranks.values())) == ({}, {2})


def test_a_scale_is_told_as_diffusers_reads_it() -> None:
    shapes = {
        **pair("lora_unet_blocks_0_self_attn_q", (8, 8), "lora_down", "lora_up"),
        **pair("lora_unet_blocks_1_self_attn_q", (8, 8), "lora_down", "lora_up"),
        "lora_unet_blocks_0_self_attn_q.alpha": (),
    }
    layout = read_layout(shapes, WAN, {"lora_unet_blocks_0_self_attn_q.alpha": 1.0}, "file")
    told = json.loads(layout.metadata["lora_adapter_metadata"])
    assert told["transformer.lora_alpha"] == 2
    assert told["transformer.alpha_pattern"] == {"blocks.0.attn1.to_q": 1.0}
    halves = [f"transformer.blocks.{n}.attn1.to_q.lora_{half}.weight" for n in (0, 1) for half in "AB"]
    assert [layout.scale(name) for name in halves] == [1.0, 0.5, 1.0, 1.0]


@pytest.mark.parametrize(
    ("shapes", "told"),
    [
        (pair("transformer.single_blocks.7.attn", (8, 8)), "which the base model has not"),
        (pair("transformer.blocks.0.attn1.to_q", (16, 16)), "the layer"),
        ({"transformer.blocks.0.attn1.to_q.lora_A.weight": (2, 8)}, "one half"),
        ({"lora_unet_blocks_0_self_attn_q.hada_w1_a": (2, 8)}, "LoHa"),
        ({"blocks.0.attn1.to_q.dora_scale": (8, 1)}, "DoRA"),
        ({"lora_te1_text_model.lora_down.weight": (2, 8)}, "text encoder"),
        ({"blocks.0.attn1.to_q.weight": (8, 8)}, "no part of a LoRA"),
        ({}, "no LoRA"),
    ],
)
def test_whatever_else_it_is_is_refused_with_the_reason(shapes: Shapes, told: str) -> None:
    with pytest.raises(MediaError, match=told):
        read_layout(shapes, WAN, {}, "file")


def test_a_pickle_is_refused_without_being_opened(tmp_path: Path) -> None:
    for name in ("lora.pt", "lora.safetensors"):
        path = tmp_path / name
        path.write_bytes(pickle.dumps({"a": 1}))
        with pytest.raises(MediaError, match="pickle"):
            read_header(path)


@pytest.mark.parametrize("damage", [b"", b"short", b"\xff" * 64, b'\x10\0\0\0\0\0\0\0{"a": 1}        '])
def test_damaged_files_are_refused(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "lora.safetensors"
    path.write_bytes(damage)
    with pytest.raises(MediaError, match="safetensors"):
        read_header(path)


def test_tensors_are_copied_under_new_names_to_the_bit(tmp_path: Path) -> None:
    values = {"b": np.arange(6, dtype=np.float32).reshape(2, 3), "a": np.ones((4, 1), np.float16)}
    save_file(values, tmp_path / "old.safetensors")
    header = read_header(tmp_path / "old.safetensors")
    rewrite(tmp_path / "old.safetensors", header, {"b": "x", "a": "y"}, tmp_path / "new.safetensors", {"format": "pt"})
    found = load_file(tmp_path / "new.safetensors")
    assert np.array_equal(found["x"], values["b"]) and np.array_equal(found["y"], values["a"])
    assert read_header(tmp_path / "new.safetensors").metadata == {"format": "pt"}
