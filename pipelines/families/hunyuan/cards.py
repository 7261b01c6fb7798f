"""The published checkpoints of HunyuanVideo, of its version 1.5 and of FramePack in diffusers layout.

Sizes, steps and guidance: the model cards of the repositories and the examples of the pipelines in diffusers.
"""

from __future__ import annotations

from typing import Any

from pipelines.domain.capabilities import Range
from pipelines.families.family import Part
from pipelines.families.published import Published

WINDOW = 9
"""Latent frames that FramePack makes at once."""

_LICENCE = "Tencent Hunyuan Community Licence (not for use in the EU, the UK and South Korea)"
_VAE = {"spatial_compression_ratio": 8, "temporal_compression_ratio": 4}
_VAE_15 = {"spatial_compression_ratio": 16, "temporal_compression_ratio": 4}
_HEADS = {"num_attention_heads": 24, "attention_head_dim": 128, "num_layers": 20, "num_single_layers": 40}
_TRANSFORMER = {**_HEADS, "patch_size": 2}
_FIFTEEN = {"num_attention_heads": 16, "attention_head_dim": 128, "num_layers": 54, "patch_size": 1}
_TEXT = {"text_encoder": 7_505_186_816, "text_encoder_2": 123_060_480, "vae": 246_478_803}
_SEEING = 428_225_600
_TEXT_15 = {"text_encoder": 7_070_619_136, "text_encoder_2": 219_314_944, "vae": 1_260_634_115}
_EXAMPLES = (
    "A cat walks on the grass, realistic style.",
    "A fluffy teddy bear sits on a bed of soft pillows surrounded by children's toys.",
)
_NO_CONTROL = ("control_clip", "It has no control branch.")
_NO_MASK = ("mask_clip", "It makes whole clips and cannot keep a part of one.")
_NO_SOURCE = ("source_clip", "It makes new clips and cannot change one.")
_NO_KEYS = ("key_image", "It was trained with a picture at the ends at most.")
_NO_END = ("end_image", "It was trained with a picture at the first frame at most.")
_NO_START = ("start_image", "This checkpoint was trained on words alone; the I2V one starts from a picture.")
_NO_REFERENCE = ("reference_image", "It has no input for pictures of things.")
_LACKS = (_NO_CONTROL, _NO_MASK, _NO_SOURCE, _NO_KEYS, _NO_REFERENCE)
_WORDS: dict[str, Any] = {"adapters": True, "lacks": (*_LACKS, _NO_END, _NO_START)}
_PICTURE: dict[str, Any] = {
    "adapters": True,
    "needs": frozenset({"start_image"}),
    "lacks": (*_LACKS, _NO_END),
}


def _about(title: str, summary: str, weaknesses: str, **more: Any) -> dict[str, Any]:
    return {
        "title": title,
        "summary": summary,
        "weaknesses": weaknesses,
        "licence": _LICENCE,
        "sizes": ((960, 544), (544, 960), (1280, 720), (720, 1280), (720, 720)),
        "min_side": 256,
        "lengths": (61, 129, 33),
        "fps": Range(low=4, high=60, default=24),
        "steps": Range(low=1, high=100, default=50),
        "guidance": Range(low=1, high=20, default=6, step=0.1),
        "negative_prompt": False,
        "max_sequence_length": 256,
        "conditionings": frozenset(),
        "examples": _EXAMPLES,
        **more,
    }


_SETTINGS = "the repository's model card and the example of its pipeline in diffusers"
_FRAMEPACK_INDEX = {
    "_class_name": "HunyuanVideoFramepackPipeline",
    "feature_extractor": ["transformers", "SiglipImageProcessor"],
    "image_encoder": ["transformers", "SiglipVisionModel"],
    "scheduler": ["diffusers", "FlowMatchEulerDiscreteScheduler"],
    "text_encoder": ["transformers", "LlamaModel"],
    "text_encoder_2": ["transformers", "CLIPTextModel"],
    "tokenizer": ["transformers", "LlamaTokenizerFast"],
    "tokenizer_2": ["transformers", "CLIPTokenizer"],
    "transformer": ["diffusers", "HunyuanVideoFramepackTransformer3DModel"],
    "vae": ["diffusers", "AutoencoderKLHunyuanVideo"],
}
_SIDES_15: dict[str, Any] = {
    "fps": Range(low=4, high=60, default=24),
    "lengths": (121, 61, 33),
    "max_sequence_length": 0,
    "negative_prompt": True,
}
# The sizes next to 16:9, 1:1 and 9:16 in the table from which the I2V pipeline takes the one nearest to its picture.
_BUCKETS_480 = ((848, 480), (640, 640), (480, 848))
_BUCKETS_720 = ((1280, 720), (960, 960), (720, 1280))


def _fifteen(card_id: str, tail: str, title: str, sizes: Any, is_image: bool, guidance: float = 6) -> Published:
    kind = "HunyuanVideo15ImageToVideoPipeline" if is_image else "HunyuanVideo15Pipeline"
    begins = "that begin with your picture" if is_image else "from a sentence"
    return Published(
        id=card_id,
        pipeline=kind,
        repository=f"hunyuanvideo-community/HunyuanVideo-1.5-Diffusers-{tail}",
        about=_about(
            title,
            f"Clips {begins}, by a model of 8.3 billion parameters.",
            "Small writing and fast hands break up; the repository's own enlarging step is not part of it.",
            sizes=sizes,
            guidance=Range(low=1, high=20, default=guidance, step=0.1),
            conditionings=frozenset({"start_image"} if is_image else ()),
            **_SIDES_15,
        ),
        traits={**(_PICTURE if is_image else _WORDS), "adapters": False},
        parameters={"transformer": 8_326_608_160, **_TEXT_15, **({"image_encoder": _SEEING} if is_image else {})},
        configs={"transformer": _FIFTEEN, "vae": _VAE_15},
        settings_source=_SETTINGS,
    )


CARDS = (
    Published(
        id="hunyuan-t2v",
        pipeline="HunyuanVideoPipeline",
        repository="hunyuanvideo-community/HunyuanVideo",
        about=_about(
            "HunyuanVideo T2V",
            "Clips of up to five seconds from a sentence, by a model of 13 billion parameters.",
            "Heavy: 720p at full length asks for some 60 GB or much patience. It reads no negative prompt.",
        ),
        traits={**_WORDS, "draft": True},
        parameters={"transformer": 12_821_012_544, **_TEXT},
        configs={"transformer": _TRANSFORMER, "vae": _VAE},
        settings_source=_SETTINGS,
    ),
    Published(
        id="hunyuan-i2v",
        pipeline="HunyuanVideoImageToVideoPipeline",
        repository="hunyuanvideo-community/HunyuanVideo-I2V",
        about=_about(
            "HunyuanVideo I2V",
            "Clips of up to five seconds that begin with your picture.",
            "Heavy, and it reads no negative prompt; the first frame may differ a little from the picture.",
            guidance=Range(low=1, high=20, default=6, step=0.1),
            conditionings=frozenset({"start_image"}),
        ),
        traits=_PICTURE,
        parameters={"transformer": 12_821_012_544, **_TEXT, "text_encoder": 8_355_000_000},
        configs={"transformer": _TRANSFORMER, "vae": _VAE},
        settings_source=_SETTINGS,
    ),
    Published(
        id="framepack",
        pipeline="HunyuanVideoFramepackPipeline",
        repository="hunyuanvideo-community/HunyuanVideo",
        about=_about(
            "FramePack I2V",
            "Long clips from a picture on small cards: nine latent frames at a time, the past packed ever smaller.",
            "Slow in seconds per frame; scenes hardly change, since every window leans on the first picture.",
            sizes=((832, 480), (480, 832), (640, 640), (512, 512)),
            lengths=(37, 73, 145, 289, 577, 1081),
            fps=Range(low=4, high=60, default=30),
            steps=Range(low=1, high=100, default=30),
            guidance=Range(low=1, high=32, default=9, step=0.1),
            conditionings=frozenset({"start_image", "end_image"}),
        ),
        traits={"adapters": True, "needs": frozenset({"start_image"}), "lacks": _LACKS},
        parameters={"transformer": 12_874_314_816, **_TEXT, "image_encoder": _SEEING},
        configs={"transformer": _TRANSFORMER, "vae": _VAE},
        take=("text_encoder/*", "text_encoder_2/*", "tokenizer/*", "tokenizer_2/*", "vae/*", "scheduler/*"),
        parts=(
            Part(
                repository="lllyasviel/FramePackI2V_HY",
                take=("config.json", "diffusion_pytorch_model*"),
                into="transformer",
            ),
            Part(repository="lllyasviel/flux_redux_bfl", take=("image_encoder/*", "feature_extractor/*")),
        ),
        index=_FRAMEPACK_INDEX,
        settings_source=_SETTINGS,
    ),
    _fifteen("hunyuan-1.5-t2v-480p", "480p_t2v", "HunyuanVideo 1.5 T2V 480p", _BUCKETS_480, False),
    _fifteen("hunyuan-1.5-t2v-720p", "720p_t2v", "HunyuanVideo 1.5 T2V 720p", _BUCKETS_720, False),
    _fifteen("hunyuan-1.5-i2v-480p", "480p_i2v", "HunyuanVideo 1.5 I2V 480p", _BUCKETS_480, True),
    _fifteen("hunyuan-1.5-i2v-720p", "720p_i2v", "HunyuanVideo 1.5 I2V 720p", _BUCKETS_720, True),
)
