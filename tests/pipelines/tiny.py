"""A tiny seeded checkpoint of the true classes in the stock folder layout: the real code paths, untrained weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKLWan, FlowMatchEulerDiscreteScheduler, WanVACEPipeline, WanVACETransformer3DModel
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast, UMT5Config, UMT5EncoderModel

Z = 8
TEXT_DIM = 32
WORDS = "a the red green blue yellow ball cube cone on sand grass snow under clear dusk sky camera pans left".split()
ABOUT: dict[str, Any] = {
    "version": 1,
    "title": "Tiny",
    "summary": "Random weights of the true classes.",
    "licence": "MIT",
    "examples": ["a red ball on sand"],
    "weaknesses": "It knows nothing.",
    "vocabulary": WORDS,
    "sizes": [[64, 64], [96, 64]],
    "lengths": [5, 9, 1],
    "fps": {"low": 8, "high": 8, "default": 8},
    "steps": {"low": 1, "high": 20, "default": 2},
    "guidance": {"low": 1, "high": 8, "default": 3},
    "shift": 3.0,
    "max_sequence_length": 16,
    "conditionings": [
        "start_image",
        "end_image",
        "key_image",
        "source_clip",
        "mask_clip",
        "control_clip",
        "reference_image",
    ],
}
FEW_STEPS = {
    "steps": {"low": 2, "high": 2, "default": 2},
    "guidance": {"low": 1, "high": 1, "default": 1},
    "shift_terminal": 0.3,
}


def write(folder: Path, *, about: dict[str, Any] | None = ABOUT, seed: int = 0) -> Path:
    """Write the checkpoint and return its folder. about=None leaves gimbal.json out."""
    torch.manual_seed(seed)
    pipe = WanVACEPipeline(
        tokenizer=_tokenizer(),
        text_encoder=_text_encoder(),
        vae=_vae(),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=1.0),
        transformer=_transformer(),
    )
    pipe.save_pretrained(folder, safe_serialization=True)
    if about is not None:
        (folder / "gimbal.json").write_text(json.dumps(about))
    return folder


def add_expert(folder: Path) -> None:
    """Give a checkpoint a second transformer of other weights, which takes over at nine tenths of the noise."""
    torch.manual_seed(7)
    _transformer().save_pretrained(folder / "transformer_2", safe_serialization=True)
    index = json.loads((folder / "model_index.json").read_text())
    second = {"transformer_2": ["diffusers", "WanVACETransformer3DModel"], "boundary_ratio": 0.9}
    (folder / "model_index.json").write_text(json.dumps({**index, **second}))


def write_adapter(folder: Path, base: str, *, size: float = 0.3, **about: Any) -> Path:
    """Write a folder that changes the checkpoint `base` beside it by a LoRA of rank 2; `about`: more keys."""
    layers = {"blocks.0.attn1.to_q": (48, 48), "blocks.1.ffn.net.2": (48, 64), "vace_blocks.0.proj_out": (48, 48)}
    generator = torch.Generator().manual_seed(5)
    tensors = {}
    for layer, (rows, columns) in layers.items():
        tensors[f"transformer.{layer}.lora_A.weight"] = torch.randn(2, columns, generator=generator) * size
        tensors[f"transformer.{layer}.lora_B.weight"] = torch.randn(rows, 2, generator=generator) * size
    folder.mkdir(parents=True)
    save_file(tensors, folder / "few.safetensors")
    told = {"version": 1, "title": "Tiny, 2 steps", "base": base, "adapter": "few.safetensors", **FEW_STEPS, **about}
    (folder / "gimbal.json").write_text(json.dumps(told))
    return folder


def _tokenizer() -> PreTrainedTokenizerFast:
    vocabulary = {word: number for number, word in enumerate(["<pad>", "</s>", "<unk>", *WORDS])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>", unk_token="<unk>", model_max_length=16
    )


def _text_encoder() -> UMT5EncoderModel:
    config = UMT5Config(
        vocab_size=3 + len(WORDS), d_model=TEXT_DIM, d_kv=16, d_ff=64, num_layers=1, num_heads=2, pad_token_id=0
    )
    return UMT5EncoderModel(config).eval()


def _vae() -> AutoencoderKLWan:
    return AutoencoderKLWan(
        base_dim=8,
        z_dim=Z,
        dim_mult=[1, 1, 1, 1],
        num_res_blocks=1,
        temperal_downsample=[False, True, True, False],
        latents_mean=[0.0] * Z,
        latents_std=[1.0] * Z,
        is_residual=True,
        in_channels=12,
        out_channels=12,
        patch_size=2,
        scale_factor_temporal=4,
        scale_factor_spatial=16,
    ).eval()


def _transformer() -> WanVACETransformer3DModel:
    return WanVACETransformer3DModel(
        patch_size=(1, 1, 1),
        num_attention_heads=2,
        attention_head_dim=24,
        in_channels=Z,
        out_channels=Z,
        text_dim=TEXT_DIM,
        freq_dim=32,
        ffn_dim=64,
        num_layers=2,
        vace_layers=[0],
        vace_in_channels=2 * Z + 16**2,
        cross_attn_norm=True,
    ).eval()
