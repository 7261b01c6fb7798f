"""SANA-WM in small."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from diffusers import (
    AutoencoderKLLTX2Video,
    FlowMatchEulerDiscreteScheduler,
    SanaWMPipeline,
    SanaWMTransformer3DModel,
)
from transformers import Gemma2Config, Gemma2Model

from pipelines.families.family import ModelCard
from tests.checkpoints.tiny.common import WIDTH, WORDS, tokenizer


def _write(folder: Path, card: ModelCard) -> Mapping[str, Any]:
    text = Gemma2Config(
        vocab_size=WORDS,
        hidden_size=WIDTH,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=8,
        pad_token_id=0,
    )
    codec = AutoencoderKLLTX2Video(
        latent_channels=8,
        block_out_channels=(8, 8),
        decoder_block_out_channels=(8, 8),
        layers_per_block=(1, 1, 1),
        decoder_layers_per_block=(1, 1, 1),
        spatio_temporal_scaling=(True, True),
        decoder_spatio_temporal_scaling=(True, True),
        decoder_inject_noise=(False, False, False),
        downsample_type=("spatiotemporal",) * 2,
        upsample_type=("spatiotemporal",) * 2,
        upsample_residual=(False, False),
        upsample_factor=(1, 1),
        down_block_types=("LTX2VideoDownBlock3D",) * 2,
        patch_size=4,
        decoder_causal=False,
    ).eval()
    transformer = SanaWMTransformer3DModel(
        in_channels=8,
        num_layers=2,
        hidden_size=48,
        num_attention_heads=2,
        linear_head_dim=24,
        softmax_every_n=2,
        chunk_plucker_channels=24,
        chunk_plucker_post_attn_blocks=1,
        caption_channels=WIDTH,
    )
    pipe = SanaWMPipeline(
        tokenizer=tokenizer(),
        text_encoder=Gemma2Model(text).eval(),
        vae=codec,
        transformer=transformer,
        scheduler=FlowMatchEulerDiscreteScheduler(),
    )
    pipe.save_pretrained(folder, safe_serialization=True)
    return {"sizes": [[32, 32]], "lengths": [9], "max_sequence_length": 16}


WRITERS = {"SanaWMPipeline": _write}
