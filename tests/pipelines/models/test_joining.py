"""What a single file is and what it lacks, told by headers of files of true size that hold no bytes."""

from __future__ import annotations

import json
import math
import os
import shutil
import struct
from pathlib import Path

import pytest

from pipelines.domain.errors import BrokenCheckpoint
from pipelines.families.family import ModelCard
from pipelines.models.catalog import Catalog
from pipelines.models.comfy import comfy_files, comfy_models
from pipelines.models.joining import join, know
from pipelines.models.parts import read_places

Shapes = dict[str, tuple[int, ...]]
T5 = {"shared.weight": (5_680_910_336,)}


def sparse(path: Path, shapes: Shapes, kind: str = "BF16") -> Path:
    """A safetensors file of these shapes whose weights take no room on the disk."""
    entries, end = {}, 0
    for name, shape in shapes.items():
        size = math.prod(shape) * (1 if kind.startswith("F8") else 2)
        entries[name] = {"dtype": kind, "shape": list(shape), "data_offsets": [end, end + size]}
        end += size
    header = json.dumps(entries).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(header)) + header)
        file.truncate(8 + len(header) + end)
    return path


def wan(dim: int, layers: int, channels: int = 16, ffn_dim: int = 13824, **more: tuple[int, ...]) -> Shapes:
    """The tensors of a Wan transformer in its authors' naming that tell what it is."""
    shapes: Shapes = {
        "patch_embedding.weight": (dim, channels, 1, 2, 2),
        "head.modulation": (1, 2, dim),
        "text_embedding.0.weight": (dim, 4096),
        "time_embedding.0.weight": (dim, 256),
        "blocks.0.ffn.0.weight": (ffn_dim, dim),
    }
    return {**shapes, **{f"blocks.{n}.norm3.weight": (dim,) for n in range(layers)}, **more}


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """Wan 2.1 T2V 1.3B, as far as headers go."""
    folder = tmp_path / "models" / "wan-2.1-t2v-1.3b"
    classes = {
        "transformer": ("diffusers", "WanTransformer3DModel"),
        "vae": ("diffusers", "AutoencoderKLWan"),
        "text_encoder": ("transformers", "UMT5EncoderModel"),
        "tokenizer": ("transformers", "T5TokenizerFast"),
        "scheduler": ("diffusers", "UniPCMultistepScheduler"),
    }
    heads = {"num_attention_heads": 12, "attention_head_dim": 128, "num_layers": 30, "in_channels": 16}
    configs = {
        "transformer": {**heads, "patch_size": [1, 2, 2], "ffn_dim": 8960},
        "vae": {"temperal_downsample": [False, True, True], "base_dim": 96, "z_dim": 16},
        "text_encoder": {},
    }
    for name, config in configs.items():
        (folder / name).mkdir(parents=True)
        (folder / name / "config.json").write_text(json.dumps(config))
    for name in ("tokenizer", "scheduler"):
        (folder / name).mkdir()
    (folder / "tokenizer" / "tokenizer_config.json").write_text("{}")
    (folder / "scheduler" / "scheduler_config.json").write_text("{}")
    sparse(folder / "transformer" / "diffusion_pytorch_model.safetensors", {"all": (1_418_996_800,)})
    sparse(folder / "vae" / "diffusion_pytorch_model.safetensors", {"all": (126_892_531,)})
    sparse(folder / "text_encoder" / "model.safetensors", T5)
    (folder / "model_index.json").write_text(json.dumps({"_class_name": "WanPipeline", **classes}))
    return folder


def models(home: Path) -> Catalog:
    return Catalog(home / "none", (), home / "models")


def test_a_large_file_is_completed_by_the_components_of_a_small_model(small: Path, tmp_path: Path) -> None:
    file = sparse(tmp_path / "wan2.1_t2v_14B.safetensors", wan(5120, 40))
    joined = join([file], models(tmp_path).cards(), tmp_path / "models")
    cards = {card.folder: card for card in models(tmp_path).cards()}
    assert models(tmp_path).broken == () and cards[joined].title == "Wan 2.1 T2V 14B (wan2.1_t2v_14B)"
    config = json.loads((joined / "transformer" / "config.json").read_text())
    assert (config["num_attention_heads"], config["num_layers"], config["ffn_dim"]) == (40, 40, 13824)
    places = read_places(joined)
    assert places["text_encoder"].path == small / "text_encoder" and places["transformer"].path == file
    assert cards[joined].capabilities.grid.sizes[2] == (1280, 720)


def test_what_is_missing_is_told_by_the_smallest_model_that_has_it(tmp_path: Path) -> None:
    file = sparse(tmp_path / "wan2.1_t2v_14B.safetensors", wan(5120, 40))
    with pytest.raises(BrokenCheckpoint, match="Wan 2.1 T2V 14B.*text encoder") as caught:
        join([file], models(tmp_path).cards(), tmp_path / "models")
    assert "models pull wan-2.1-t2v-1.3b" in caught.value.hint
    assert not list((tmp_path / "models").glob("*"))


def test_a_name_decides_between_models_of_equal_shapes(small: Path, tmp_path: Path) -> None:
    seeing = {"img_emb.proj.0.weight": (1280,), "blocks.0.cross_attn.k_img.weight": (5120, 5120)}
    told = {}
    for name in ("wan2.1_i2v_480p_14B", "wan2.1_i2v_720p_14B"):
        file = sparse(tmp_path / f"{name}.safetensors", wan(5120, 40, channels=36, **seeing))
        with pytest.raises(BrokenCheckpoint) as caught:
            join([file], models(tmp_path).cards(), tmp_path / "models")
        told[name] = caught.value.message
    assert "I2V 14B 480p" in told["wan2.1_i2v_480p_14B"] and "I2V 14B 720p" in told["wan2.1_i2v_720p_14B"]
    assert all("image encoder" in message and "text encoder" not in message for message in told.values())


def test_of_models_that_fit_the_one_that_the_file_is_named_after_lends_the_rest(small: Path, tmp_path: Path) -> None:
    other = shutil.copytree(small, tmp_path / "models" / "wan-anime-1.3b", copy_function=os.link)
    file = sparse(tmp_path / "wan-anime-v2.safetensors", wan(1536, 30, ffn_dim=8960))
    joined = join([file], models(tmp_path).cards(), tmp_path / "models")
    assert read_places(joined)["vae"].path == other / "vae"
    asked = join([sparse(tmp_path / "wan-anime-v3.safetensors", wan(1536, 30, ffn_dim=8960))], *chosen(tmp_path, small))
    assert read_places(asked)["vae"].path == small / "vae"


def chosen(home: Path, folder: Path) -> tuple[tuple[ModelCard, ...], Path, ModelCard]:
    """The models here, where they lie, and the one of a folder as base."""
    cards = models(home).cards()
    return cards, home / "models", next(card for card in cards if card.folder == folder)


def test_two_experts_are_one_model_of_wan_22(small: Path, tmp_path: Path) -> None:
    files = [sparse(tmp_path / f"wan2.2_t2v_{noise}_noise_14B.safetensors", wan(5120, 40)) for noise in ("low", "high")]
    joined = join(files, models(tmp_path).cards(), tmp_path / "models")
    index = json.loads((joined / "model_index.json").read_text())
    assert index["boundary_ratio"] == 0.875 and index["transformer_2"] == ["diffusers", "WanTransformer3DModel"]
    assert read_places(joined)["transformer"].path == files[1]
    assert models(tmp_path).broken == ()


REFUSED = {
    "scaled.safetensors": ({**wan(64, 1), "blocks.0.ffn.0.scale_weight": ()}, "F8_E4M3", "scales beside them"),
    "flf2v.safetensors": ({**wan(64, 1), "img_emb.emb_pos": (1, 514, 1280)}, "BF16", "FLF2V"),
    "codec22.safetensors": (
        {"encoder.conv1.weight": (1,), "decoder.upsamples.0.upsamples.0.residual.0.gamma": (1,)},
        "BF16",
        "codec of Wan 2.2",
    ),
    "comfy-hunyuan.safetensors": (
        {"img_in.proj.weight": (1,), "double_blocks.0.img_attn.qkv.weight": (1,)},
        "BF16",
        "ComfyUI renames",
    ),
    "unknown.safetensors": ({"a": (1,)}, "BF16", "of no model"),
    "lora.safetensors": ({"blocks.0.attn1.to_q.lora_A.weight": (2, 1536)}, "BF16", "is a LoRA"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_diffusers_cannot_read_is_refused_with_the_reason(name: str, tmp_path: Path) -> None:
    shapes, kind, words = REFUSED[name]
    with pytest.raises(BrokenCheckpoint, match=words) as caught:
        know(sparse(tmp_path / name, shapes, kind))
    assert caught.value.hint


@pytest.mark.parametrize("ending", [".ckpt", ".pt", ".pth", ".bin"])
def test_a_pickle_is_never_opened(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"wan{ending}"
    path.write_bytes(b"\x80")
    with pytest.raises(BrokenCheckpoint, match="pickle"):
        join([path], (), tmp_path)


def test_files_of_two_families_make_no_model(small: Path, tmp_path: Path) -> None:
    other = {"patchify_proj.weight": (2048, 128), "adaln_single.linear.weight": (1,)}
    files = [
        sparse(tmp_path / "wan.safetensors", wan(5120, 40)),
        sparse(tmp_path / "ltx.safetensors", {**other, "caption_projection.linear_1.weight": (2048, 4096)}),
    ]
    with pytest.raises(BrokenCheckpoint, match="different models"):
        join(files, models(tmp_path).cards(), tmp_path / "models")


def test_comfyui_is_found_and_its_experts_go_in_pairs(tmp_path: Path) -> None:
    assert comfy_models(tmp_path) is None
    home = tmp_path / "ComfyUI" / "models"
    names = ("diffusion_models/wan_high_noise", "diffusion_models/wan_low_noise", "unet/highway", "vae/wan_vae")
    for name in names:
        sparse(home / f"{name}.safetensors", {"a": (1,)})
    (home / "checkpoints").mkdir()
    assert comfy_models(tmp_path / "ComfyUI") == comfy_models(home) == home
    found = [tuple(path.stem for path in paths) for paths in comfy_files(home)]
    assert sorted(found) == [("highway",), ("wan_high_noise", "wan_low_noise")]
