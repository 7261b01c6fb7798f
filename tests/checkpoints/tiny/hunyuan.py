"""HunyuanVideo, its version 1.5 and FramePack in small."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import diffusers
from diffusers import (
    AutoencoderKLHunyuanVideo,
    AutoencoderKLHunyuanVideo15,
    ClassifierFreeGuidance,
    FlowMatchEulerDiscreteScheduler,
    HunyuanVideo15Transformer3DModel,
    HunyuanVideoFramepackTransformer3DModel,
    HunyuanVideoTransformer3DModel,
)
from transformers import (
    ByT5Tokenizer,
    CLIPVisionConfig,
    LlamaConfig,
    LlamaModel,
    LlavaConfig,
    LlavaForConditionalGeneration,
    Qwen2_5_VLTextConfig,
    Qwen2_5_VLTextModel,
    SiglipImageProcessorPil,
    SiglipVisionConfig,
    SiglipVisionModel,
    T5Config,
    T5EncoderModel,
)

from pipelines.families.family import ModelCard
from tests.checkpoints.tiny.common import VOCABULARY, WIDTH, WORDS, clip_processor, clip_text, tokenizer

_SIDE = 384  # what the pipelines resize pictures to for their looking part


def _llama() -> LlamaConfig:
    return LlamaConfig(
        vocab_size=WORDS,
        hidden_size=WIDTH,
        intermediate_size=16,
        num_hidden_layers=3,
        num_attention_heads=2,
        num_key_value_heads=2,
        pad_token_id=VOCABULARY["<pad>"],
    )


def _llava() -> LlavaForConditionalGeneration:
    seeing = CLIPVisionConfig(
        hidden_size=WIDTH,
        intermediate_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=336,
        patch_size=14,
        projection_dim=WIDTH,
    )
    config = LlavaConfig(
        vision_config=seeing,
        text_config=_llama(),
        image_token_index=VOCABULARY["<image>"],
        pad_token_id=VOCABULARY["<pad>"],
    )
    return LlavaForConditionalGeneration(config).eval()


def _codec() -> AutoencoderKLHunyuanVideo:
    return AutoencoderKLHunyuanVideo(
        latent_channels=4,
        down_block_types=("HunyuanVideoDownBlock3D",) * 4,
        up_block_types=("HunyuanVideoUpBlock3D",) * 4,
        block_out_channels=(8, 8, 8, 8),
        layers_per_block=1,
        norm_num_groups=4,
        mid_block_add_attention=True,
    ).eval()


def _transformer_config(**more: Any) -> dict[str, Any]:
    return {
        "in_channels": 4,
        "out_channels": 4,
        "num_attention_heads": 2,
        "attention_head_dim": 10,
        "num_layers": 2,
        "num_single_layers": 1,
        "num_refiner_layers": 1,
        "patch_size": 2,
        "text_embed_dim": WIDTH,
        "pooled_projection_dim": WIDTH,
        "rope_axes_dim": (2, 4, 4),
        **more,
    }


def _seeing() -> dict[str, Any]:
    config = SiglipVisionConfig(
        hidden_size=WIDTH,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        image_size=_SIDE,
        patch_size=_SIDE // 2,
    )
    processor = SiglipImageProcessorPil(size={"height": _SIDE, "width": _SIDE})
    return {"image_encoder": SiglipVisionModel(config).eval(), "feature_extractor": processor}


def _one(folder: Path, card: ModelCard) -> Mapping[str, Any]:
    name = card.settings["pipeline"]
    parts: dict[str, Any] = {"text_encoder": LlamaModel(_llama()).eval(), "tokenizer": tokenizer(400)}
    lengths = [5]
    if name == "HunyuanVideoPipeline":
        parts["transformer"] = HunyuanVideoTransformer3DModel(**_transformer_config())
    elif name == "HunyuanVideoImageToVideoPipeline":
        config = _transformer_config(image_condition_type="token_replace")
        parts["transformer"] = HunyuanVideoTransformer3DModel(**config)
        parts["text_encoder"] = _llava()
        parts["image_processor"] = clip_processor(336)
    else:
        config = _transformer_config(has_image_proj=True, image_proj_dim=WIDTH, has_clean_x_embedder=True)
        parts["transformer"] = HunyuanVideoFramepackTransformer3DModel(**config)
        parts |= _seeing()
        lengths = [37]
    build: Any = getattr(diffusers, name)
    pipe = build(
        vae=_codec(),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=7.0),
        text_encoder_2=clip_text(),
        tokenizer_2=tokenizer(77, begins=True),
        **parts,
    )
    pipe.save_pretrained(folder, safe_serialization=True)
    return {"sizes": [[32, 16]], "lengths": lengths, "max_sequence_length": 64}


def _fifteen(folder: Path, card: ModelCard) -> Mapping[str, Any]:
    is_image = "Image" in card.settings["pipeline"]
    text = Qwen2_5_VLTextConfig(
        vocab_size=WORDS,
        hidden_size=WIDTH,
        intermediate_size=16,
        num_hidden_layers=3,
        num_attention_heads=2,
        num_key_value_heads=2,
        rope_parameters={"rope_type": "default", "mrope_section": [1, 1, 2], "rope_theta": 1e4},
        pad_token_id=0,
    )
    transformer = HunyuanVideo15Transformer3DModel(
        in_channels=9,
        out_channels=4,
        num_attention_heads=2,
        attention_head_dim=16,
        num_layers=1,
        num_refiner_layers=1,
        text_embed_dim=WIDTH,
        text_embed_2_dim=WIDTH,
        image_embed_dim=WIDTH,
        rope_axes_dim=(2, 6, 8),
        target_size=16,
        task_type="i2v" if is_image else "t2v",
    )
    codec = AutoencoderKLHunyuanVideo15(
        latent_channels=4,
        block_out_channels=(8, 8, 8, 8),
        layers_per_block=1,
        spatial_compression_ratio=8,
        temporal_compression_ratio=4,
    )
    glyphs = T5Config(vocab_size=400, d_model=WIDTH, d_kv=8, d_ff=16, num_layers=1, num_heads=2, pad_token_id=0)
    template = "{% for m in messages %}{{ m['content'] }}{% endfor %}"
    build: Any = getattr(diffusers, card.settings["pipeline"])
    pipe = build(
        text_encoder=Qwen2_5_VLTextModel(text).eval(),
        tokenizer=tokenizer(1108, chat_template=template),
        transformer=transformer,
        vae=codec,
        scheduler=FlowMatchEulerDiscreteScheduler(shift=7.0),
        text_encoder_2=T5EncoderModel(glyphs).eval(),
        tokenizer_2=ByT5Tokenizer(),
        guider=ClassifierFreeGuidance(guidance_scale=6.0),
        **(_seeing() if is_image else {}),
    )
    pipe.save_pretrained(folder, safe_serialization=True)
    return {"sizes": [[32, 16]], "lengths": [5]}


WRITERS = {
    "HunyuanVideoPipeline": _one,
    "HunyuanVideoImageToVideoPipeline": _one,
    "HunyuanVideoFramepackPipeline": _one,
    "HunyuanVideo15Pipeline": _fifteen,
    "HunyuanVideo15ImageToVideoPipeline": _fifteen,
}
