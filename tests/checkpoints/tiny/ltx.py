"""LTX-Video with and without its enlarger, and LTX-2, in small."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import diffusers
from diffusers import (
    AutoencoderKLLTX2Audio,
    AutoencoderKLLTX2Video,
    AutoencoderKLLTXVideo,
    FlowMatchEulerDiscreteScheduler,
    LTX2VideoTransformer3DModel,
    LTXVideoTransformer3DModel,
)
from diffusers.pipelines.ltx.modeling_latent_upsampler import LTXLatentUpsamplerModel
from diffusers.pipelines.ltx2 import LTX2TextConnectors
from diffusers.pipelines.ltx2.vocoder import LTX2Vocoder
from transformers import Gemma3Config, Gemma3ForConditionalGeneration

from pipelines.families.family import ModelCard
from tests.checkpoints.tiny.common import VOCABULARY, WIDTH, WORDS, t5, tokenizer

_CHANNELS = 8


def variant(card: ModelCard) -> str:
    return f"{'latent_upsampler' in card.settings['components']}-{'decode_timestep' in card.settings}"


def _first(folder: Path, card: ModelCard) -> Mapping[str, Any]:
    is_new = "decode_timestep" in card.settings
    codec = AutoencoderKLLTXVideo(
        latent_channels=_CHANNELS,
        block_out_channels=(8, 8),
        decoder_block_out_channels=(8, 8),
        layers_per_block=(1, 1, 1),
        decoder_layers_per_block=(1, 1, 1),
        spatio_temporal_scaling=(True, False),
        decoder_spatio_temporal_scaling=(True, False),
        decoder_inject_noise=(False, False, False),
        upsample_residual=(False, False),
        upsample_factor=(1, 1),
        timestep_conditioning=is_new,
        patch_size=2,
        patch_size_t=1,
        down_block_types=("LTXVideoDownBlock3D",) * 2,
        downsample_type=("conv", "conv"),
    ).eval()
    transformer = LTXVideoTransformer3DModel(
        in_channels=_CHANNELS,
        out_channels=_CHANNELS,
        num_attention_heads=2,
        attention_head_dim=8,
        cross_attention_dim=16,
        caption_channels=WIDTH,
        num_layers=2,
    )
    build: Any = getattr(diffusers, card.settings["pipeline"])
    pipe = build(
        scheduler=FlowMatchEulerDiscreteScheduler(),
        vae=codec,
        text_encoder=t5(),
        tokenizer=tokenizer(),
        transformer=transformer,
    )
    pipe.save_pretrained(folder, safe_serialization=True)
    enlarges = "latent_upsampler" in card.settings["components"]
    if enlarges:
        _add_enlarger(folder)
    sizes = [[64, 64]] if enlarges else [[64, 32]]
    return {"sizes": sizes, "min_side": 32, "lengths": [5], "max_frames": 9, "max_sequence_length": 16}


def _add_enlarger(folder: Path) -> None:
    LTXLatentUpsamplerModel(in_channels=_CHANNELS, mid_channels=32, num_blocks_per_stage=1).save_pretrained(
        folder / "latent_upsampler", safe_serialization=True
    )
    path = folder / "model_index.json"
    index = {**json.loads(path.read_text()), "latent_upsampler": ["ltx", "LTXLatentUpsamplerModel"]}
    path.write_text(json.dumps(index))


def _second(folder: Path, card: ModelCard) -> Mapping[str, Any]:
    text = {
        "vocab_size": WORDS,
        "hidden_size": WIDTH,
        "intermediate_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "head_dim": 8,
        "pad_token_id": 0,
    }
    seeing = {
        "hidden_size": 16,
        "intermediate_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "image_size": 32,
        "patch_size": 16,
    }
    config = Gemma3Config(
        text_config=text,
        vision_config=seeing,
        mm_tokens_per_image=4,
        image_token_index=VOCABULARY["<image>"],
        boi_token_index=1,
        eoi_token_index=2,
    )
    codec = AutoencoderKLLTX2Video(
        latent_channels=_CHANNELS,
        block_out_channels=(8,),
        decoder_block_out_channels=(8,),
        layers_per_block=(1,),
        decoder_layers_per_block=(1, 1),
        spatio_temporal_scaling=(True,),
        decoder_spatio_temporal_scaling=(True,),
        decoder_inject_noise=(False, False),
        downsample_type=("spatiotemporal",),
        upsample_type=("spatiotemporal",),
        upsample_residual=(False,),
        upsample_factor=(1,),
        down_block_types=("LTX2VideoDownBlock3D",),
        patch_size=16,
        encoder_causal=True,
        decoder_causal=False,
    ).eval()
    audio = AutoencoderKLLTX2Audio(
        base_channels=8,
        output_channels=2,
        ch_mult=(1,),
        num_res_blocks=1,
        in_channels=2,
        resolution=32,
        latent_channels=2,
        norm_type="pixel",
        causality_axis="height",
        mel_bins=16,
    ).eval()
    transformer = LTX2VideoTransformer3DModel(
        in_channels=_CHANNELS,
        out_channels=_CHANNELS,
        num_attention_heads=2,
        attention_head_dim=8,
        cross_attention_dim=16,
        audio_in_channels=8,
        audio_out_channels=8,
        audio_num_attention_heads=2,
        audio_attention_head_dim=4,
        audio_cross_attention_dim=8,
        num_layers=2,
        caption_channels=WIDTH,
        rope_double_precision=False,
        rope_type="split",
        vae_scale_factors=(2, 32, 32),
    )
    connectors = LTX2TextConnectors(
        caption_channels=WIDTH,
        text_proj_in_factor=3,
        video_connector_num_attention_heads=2,
        video_connector_attention_head_dim=8,
        video_connector_num_layers=1,
        video_connector_num_learnable_registers=None,
        audio_connector_num_attention_heads=2,
        audio_connector_attention_head_dim=8,
        audio_connector_num_layers=1,
        audio_connector_num_learnable_registers=None,
        connector_rope_base_seq_len=32,
        rope_double_precision=False,
        rope_type="split",
    )
    vocoder = LTX2Vocoder(
        in_channels=32,
        hidden_channels=32,
        out_channels=2,
        upsample_kernel_sizes=[4, 4],
        upsample_factors=[2, 2],
        resnet_kernel_sizes=[3],
        resnet_dilations=[[1, 3, 5]],
        output_sampling_rate=16000,
    )
    build: Any = diffusers.LTX2Pipeline
    pipe = build(
        scheduler=FlowMatchEulerDiscreteScheduler(),
        vae=codec,
        audio_vae=audio,
        text_encoder=Gemma3ForConditionalGeneration(config).eval(),
        tokenizer=tokenizer(),
        connectors=connectors,
        transformer=transformer,
        vocoder=vocoder,
    )
    pipe.save_pretrained(folder, safe_serialization=True)
    return {"sizes": [[64, 64]], "lengths": [5], "max_frames": 9, "max_sequence_length": 16}


WRITERS = {"LTXPipeline": _first, "LTXConditionPipeline": _first, "LTX2Pipeline": _second}
