"""ModelScope text-to-video in small."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from diffusers import DDIMScheduler, TextToVideoSDPipeline, UNet3DConditionModel

from pipelines.families.family import ModelCard
from tests.checkpoints.tiny.common import WIDTH, clip_text, image_codec, tokenizer


def _write(folder: Path, card: ModelCard) -> Mapping[str, Any]:
    unet = UNet3DConditionModel(
        block_out_channels=(8, 16),
        layers_per_block=1,
        down_block_types=("CrossAttnDownBlock3D", "DownBlock3D"),
        up_block_types=("UpBlock3D", "CrossAttnUpBlock3D"),
        cross_attention_dim=WIDTH,
        attention_head_dim=4,
        norm_num_groups=2,
    )
    pipe = TextToVideoSDPipeline(
        vae=image_codec(),
        text_encoder=clip_text(),
        tokenizer=tokenizer(77, begins=True),
        unet=unet,
        scheduler=DDIMScheduler(clip_sample=False),
    )
    pipe.save_pretrained(folder, safe_serialization=True)
    return {"sizes": [[32, 16]], "lengths": [3]}


WRITERS = {"TextToVideoSDPipeline": _write}
