"""CogVideoX in small."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import diffusers
from diffusers import AutoencoderKLCogVideoX, CogVideoXDDIMScheduler, CogVideoXTransformer3DModel

from pipelines.families.family import ModelCard
from tests.checkpoints.tiny.common import WIDTH, t5, tokenizer


def variant(card: ModelCard) -> str:
    """Version 1.5 joins frames into tokens."""
    return "-1.5" if card.settings["shape"].patch_time > 1 else ""


def _write(folder: Path, card: ModelCard) -> Mapping[str, Any]:
    name = card.settings["pipeline"]
    in_time = card.settings["shape"].patch_time
    transformer = CogVideoXTransformer3DModel(
        num_attention_heads=2,
        attention_head_dim=16,
        in_channels=4 if name == "CogVideoXPipeline" else 8,
        out_channels=4,
        time_embed_dim=8,
        text_embed_dim=WIDTH,
        num_layers=2,
        sample_width=8,
        sample_height=8,
        sample_frames=5,
        patch_size=2,
        patch_size_t=in_time if in_time > 1 else None,
        temporal_compression_ratio=4,
        max_text_seq_length=16,
        use_rotary_positional_embeddings=True,
        patch_bias=in_time == 1,
    )
    codec = AutoencoderKLCogVideoX(
        down_block_types=("CogVideoXDownBlock3D",) * 4,
        up_block_types=("CogVideoXUpBlock3D",) * 4,
        block_out_channels=(8, 8, 8, 8),
        latent_channels=4,
        layers_per_block=1,
        norm_num_groups=2,
        temporal_compression_ratio=4,
    )
    build: Any = getattr(diffusers, name)
    pipe = build(
        tokenizer=tokenizer(),
        text_encoder=t5(),
        vae=codec,
        transformer=transformer,
        scheduler=CogVideoXDDIMScheduler(),
    )
    pipe.save_pretrained(folder, safe_serialization=True)
    return {"sizes": [[32, 16]], "lengths": [5], "max_sequence_length": 16}


WRITERS = dict.fromkeys(("CogVideoXPipeline", "CogVideoXImageToVideoPipeline", "CogVideoXFunControlPipeline"), _write)
