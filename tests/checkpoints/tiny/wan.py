"""Wan in small: VACE, the text and picture pipelines, two experts, and the codec of 2.2."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import diffusers
from diffusers import (
    AutoencoderKLWan,
    UniPCMultistepScheduler,
    WanAnimateTransformer3DModel,
    WanTransformer3DModel,
)
from transformers import CLIPVisionConfig, CLIPVisionModel, UMT5Config, UMT5EncoderModel

from pipelines.families.family import ModelCard
from tests.checkpoints.tiny.common import WIDTH, WORDS, clip_processor, tokenizer
from tests.pipelines import tiny as vace

_LOOKS = 1 + (32 // 16) ** 2  # what it sees of one picture


def variant(card: ModelCard) -> str:
    """Two experts, the new codec, and whether it looks at pictures are different checkpoints."""
    names = card.settings["components"] if "components" in card.settings else card.settings["checkpoint"].weights
    marks = [name for name in ("transformer_2", "image_encoder") if name in names]
    return "-".join(["", *marks, str(_is_new(card)), str(len(card.capabilities.needs))])


def _is_new(card: ModelCard) -> bool:
    """TI2V takes a first picture or none, and pins it in time instead of in channels."""
    can = card.capabilities
    return "start_image" in can.conditionings and not can.needs


def _vace(folder: Path, card: ModelCard) -> Mapping[str, Any]:
    vace.write(folder, about=None)
    if "transformer_2" in card.settings["checkpoint"].weights:
        vace.add_expert(folder)
    return {"sizes": [[32, 32]], "lengths": [5], "max_sequence_length": 16, "shift": 3.0}


def _stock(folder: Path, card: ModelCard) -> Mapping[str, Any]:
    name, names = card.settings["pipeline"], card.settings["components"]
    is_seeing = "image_encoder" in names
    concatenates = name == "WanImageToVideoPipeline"
    parts: dict[str, Any] = {"transformer": _transformer(concatenates, is_seeing)}
    if len(card.capabilities.needs) == 2:
        parts["transformer"] = _transformer(concatenates, is_seeing, pos_embed_seq_len=2 * _LOOKS)
    if "transformer_2" in names:
        parts |= {"transformer_2": _transformer(concatenates, is_seeing), "boundary_ratio": 0.9}
    if concatenates:
        parts["image_processor"] = clip_processor()
        parts["image_encoder"] = _looking() if is_seeing else None
    if _is_new(card):
        parts["expand_timesteps"] = True
    build: Any = getattr(diffusers, name)
    pipe = build(
        tokenizer=tokenizer(),
        text_encoder=_reading(),
        vae=_codec(),
        scheduler=_steps(),
        **parts,
    )
    pipe.save_pretrained(folder, safe_serialization=True)
    return {"sizes": [[32, 16]], "lengths": [5], "max_sequence_length": 16}


def _transformer(concatenates: bool, is_seeing: bool, **more: Any) -> WanTransformer3DModel:
    return WanTransformer3DModel(
        patch_size=(1, 2, 2),
        num_attention_heads=2,
        attention_head_dim=12,
        in_channels=4 + 8 if concatenates else 4,
        out_channels=4,
        text_dim=WIDTH,
        freq_dim=16,
        ffn_dim=16,
        num_layers=2,
        cross_attn_norm=True,
        image_dim=WIDTH if is_seeing else None,
        added_kv_proj_dim=24 if is_seeing else None,
        **more,
    )


def _animate(folder: Path, card: ModelCard) -> Mapping[str, Any]:
    transformer = WanAnimateTransformer3DModel(
        patch_size=(1, 2, 2),
        num_attention_heads=2,
        attention_head_dim=12,
        in_channels=4 + 8,
        latent_channels=4,
        out_channels=4,
        text_dim=WIDTH,
        freq_dim=16,
        ffn_dim=16,
        num_layers=2,
        image_dim=WIDTH,
        motion_encoder_channel_sizes={"4": 8, "8": 8, "16": 8},
        motion_encoder_size=16,
        motion_style_dim=8,
        motion_dim=4,
        motion_encoder_dim=8,
        face_encoder_hidden_dim=8,
        face_encoder_num_heads=2,
        inject_face_latents_blocks=2,
    )
    build: Any = diffusers.WanAnimatePipeline
    pipe = build(
        tokenizer=tokenizer(),
        text_encoder=_reading(),
        vae=_codec(),
        scheduler=_steps(),
        image_processor=clip_processor(),
        image_encoder=_looking(),
        transformer=transformer,
    )
    pipe.save_pretrained(folder, safe_serialization=True)
    return {"sizes": [[32, 16]], "lengths": [5], "max_sequence_length": 16}


def _reading() -> UMT5EncoderModel:
    config = UMT5Config(vocab_size=WORDS, d_model=WIDTH, d_kv=8, d_ff=16, num_layers=1, num_heads=2, pad_token_id=0)
    return UMT5EncoderModel(config).eval()


def _steps() -> UniPCMultistepScheduler:
    return UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0)


def _codec() -> AutoencoderKLWan:
    return AutoencoderKLWan(
        base_dim=3,
        z_dim=4,
        dim_mult=[1, 1, 1, 1],
        num_res_blocks=1,
        temperal_downsample=[False, True, True],
        latents_mean=[0.0] * 4,
        latents_std=[1.0] * 4,
    ).eval()


def _looking() -> CLIPVisionModel:
    config = CLIPVisionConfig(
        hidden_size=WIDTH,
        intermediate_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=32,
        patch_size=16,
    )
    return CLIPVisionModel(config).eval()


WRITERS = {
    "WanVACEPipeline": _vace,
    "WanPipeline": _stock,
    "WanImageToVideoPipeline": _stock,
    "WanAnimatePipeline": _animate,
}
