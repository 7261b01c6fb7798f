"""The published checkpoints of LTX-Video and LTX-2.

Sizes, steps, guidance and decoding noise: the page on LTX in the documentation of diffusers, after the repositories.
"""

from __future__ import annotations

from typing import Any

from pipelines.domain.capabilities import Range
from pipelines.families.family import Part
from pipelines.families.published import Published

_OWN = "LTX-Video Open Weights Licence (see the repository; large companies need their own)"
_FIRST_CODEC = {"spatio_temporal_scaling": [True, True, True, False], "patch_size": 4, "patch_size_t": 1}
_CODEC = {"spatial_compression_ratio": 32, "temporal_compression_ratio": 8}
_SMALL = {"num_attention_heads": 32, "attention_head_dim": 64, "num_layers": 28, "patch_size": 1}
_LARGE = {**_SMALL, "attention_head_dim": 128, "num_layers": 48}
_T5 = 4_762_310_656
_FIRST = {"transformer": 1_923_385_472, "text_encoder": _T5, "vae": 419_193_649}
_SMALL_95 = {**_FIRST, "vae": 1_246_913_522}
_LARGE_97 = {**_SMALL_95, "transformer": 13_042_569_344}
_EXAMPLES = (
    "A woman with long brown hair and light skin smiles at another woman with long blonde hair, the camera is a "
    "close-up, the light warm and natural, likely from the setting sun.",
    "A winding mountain road covered in snow, a single vehicle drives along it between steep rocky cliffs.",
)
_NO_CONTROL = ("control_clip", "It has no control branch; its IC-LoRA for depth and pose are not served yet.")
_NO_MASK = ("mask_clip", "It keeps whole frames and cannot keep a part of one.")
_NO_SOURCE = ("source_clip", "It can go on from a clip, but cannot change one.")
_NO_KEYS = ("key_image", "Pictures at chosen frames came with version 0.9.5.")
_NO_END = ("end_image", "Pictures at chosen frames came with version 0.9.5.")
_NO_REFERENCE = ("reference_image", "It has no input for pictures of things.")
_PICTURES = frozenset({"start_image", "end_image", "key_image", "extend_clip"})
_ALWAYS = (_NO_CONTROL, _NO_MASK, _NO_SOURCE, _NO_REFERENCE)
_SETTINGS = "the page on LTX in the documentation of diffusers, after the repository"
_INDEX = {
    "_class_name": "LTXConditionPipeline",
    "latent_upsampler": ["ltx", "LTXLatentUpsamplerModel"],
    "scheduler": ["diffusers", "FlowMatchEulerDiscreteScheduler"],
    "text_encoder": ["transformers", "T5EncoderModel"],
    "tokenizer": ["transformers", "T5TokenizerFast"],
    "transformer": ["diffusers", "LTXVideoTransformer3DModel"],
    "vae": ["diffusers", "AutoencoderKLLTXVideo"],
}
_DISTILLED = (1000, 993, 987, 981, 975, 909, 725, 0.03)
"""Noise levels of the distilled models, on which they were trained."""


def _about(title: str, summary: str, weaknesses: str, **more: Any) -> dict[str, Any]:
    return {
        "title": title,
        "summary": summary,
        "weaknesses": weaknesses,
        "licence": _OWN,
        "sizes": ((704, 512), (768, 512), (512, 704), (1216, 704)),
        "min_side": 128,
        "lengths": (97, 121, 161, 49, 25),
        "max_frames": 257,
        "fps": Range(low=8, high=60, default=25),
        "steps": Range(low=1, high=100, default=50),
        "guidance": Range(low=1, high=15, default=3, step=0.1),
        "max_sequence_length": 256,
        "conditionings": _PICTURES,
        "examples": _EXAMPLES,
        **more,
    }


_EIGHT: dict[str, Any] = {
    "steps": Range(low=8, high=8, default=8),
    "guidance": Range(low=1, high=1, default=1),
    "negative_prompt": False,
}
_NOISE = {"decode_timestep": 0.05, "image_cond_noise_scale": 0.025, "conditions": True}
_SOFT = "Fast motion smears, and without a long description of the scene it guesses."


def _conditioned(card_id: str, repository: str, title: str, about: dict[str, Any], **more: Any) -> Published:
    return Published(
        id=card_id,
        pipeline="LTXConditionPipeline",
        repository=repository,
        about=_about(title, **about),
        traits={"adapters": True, "draft": "timesteps" not in more.get("settings", {}), "lacks": _ALWAYS},
        settings_source=_SETTINGS,
        **more,
    )


_BIG = "Clips from words and from pictures or a clip at chosen frames, by a model of 13 billion parameters."
CARDS = (
    Published(
        id="ltx-0.9",
        pipeline="LTXPipeline",
        repository="Lightricks/LTX-Video",
        about=_about(
            "LTX-Video 0.9",
            "Fast clips from words or from a first picture, by a model of 2 billion parameters.",
            _SOFT,
            conditionings=frozenset({"start_image"}),
            max_sequence_length=128,
        ),
        traits={"adapters": True, "draft": True, "lacks": (*_ALWAYS, _NO_KEYS, _NO_END)},
        parameters=_FIRST,
        configs={"transformer": _SMALL, "vae": _FIRST_CODEC},
        take=("model_index.json", "scheduler/*", "text_encoder/*", "tokenizer/*", "transformer/*", "vae/*"),
        settings_source=_SETTINGS,
    ),
    _conditioned(
        "ltx-0.9.5",
        "Lightricks/LTX-Video-0.9.5",
        "LTX-Video 0.9.5",
        {
            "summary": "Fast clips from words and from pictures or a clip at chosen frames, by 2 billion parameters.",
            "weaknesses": _SOFT,
        },
        parameters=_SMALL_95,
        configs={"transformer": _SMALL, "vae": _CODEC},
        settings=_NOISE,
    ),
    _conditioned(
        "ltx-0.9.7-dev",
        "Lightricks/LTX-Video-0.9.7-dev",
        "LTX-Video 0.9.7 13B",
        {
            "summary": f"{_BIG} Made small first, then enlarged and refined.",
            "weaknesses": "The refining step changes small things of the first pass. " + _SOFT,
            "sizes": ((1152, 768), (768, 1152), (768, 768)),
            "steps": Range(low=1, high=100, default=30),
            "guidance": Range(low=1, high=15, default=5, step=0.1),
        },
        parameters={**_LARGE_97, "latent_upsampler": 126_250_624},
        configs={"transformer": _LARGE, "vae": _CODEC, "latent_upsampler": {}},
        settings={**_NOISE, "refine_steps": 10, "refine_strength": 0.4},
        parts=(Part(repository="Lightricks/ltxv-spatial-upscaler-0.9.7", take=("latent_upsampler/*",)),),
        index=_INDEX,
    ),
    _conditioned(
        "ltx-0.9.7-distilled",
        "Lightricks/LTX-Video-0.9.7-distilled",
        "LTX-Video 0.9.7 13B distilled",
        {"summary": f"{_BIG} Eight steps.", "weaknesses": "Less variety than the undistilled one. " + _SOFT, **_EIGHT},
        parameters=_LARGE_97,
        configs={"transformer": _LARGE, "vae": _CODEC},
        settings={**_NOISE, "timesteps": _DISTILLED},
    ),
    _conditioned(
        "ltx-0.9.8-distilled",
        "Lightricks/LTX-Video-0.9.8-13B-distilled",
        "LTX-Video 0.9.8 13B distilled",
        {"summary": f"{_BIG} Eight steps.", "weaknesses": "Less variety than an undistilled one. " + _SOFT, **_EIGHT},
        parameters=_LARGE_97,
        configs={"transformer": _LARGE, "vae": _CODEC},
        settings={**_NOISE, "timesteps": _DISTILLED},
    ),
    Published(
        id="ltx-2",
        pipeline="LTX2Pipeline",
        repository="Lightricks/LTX-2",
        about=_about(
            "LTX-2 19B",
            "Clips with sound from words and from pictures or a clip at chosen frames, by 19 billion parameters.",
            "Very heavy, and it always makes sound: what is heard follows the same words. Its second stage, which "
            "doubles the size, is not run.",
            licence="LTX-2 Community Licence (see the repository)",
            sizes=((768, 512), (512, 768), (1216, 704), (704, 1216)),
            lengths=(121, 97, 49, 25),
            fps=Range(low=8, high=60, default=24),
            steps=Range(low=1, high=100, default=40),
            guidance=Range(low=1, high=15, default=4, step=0.1),
            max_sequence_length=1024,
        ),
        traits={"adapters": True, "lacks": _ALWAYS},
        parameters={
            "transformer": 18_876_174_592,
            "vae": 1_222_479_601,
            "audio_vae": 53_248_146,
            "text_encoder": 12_187_000_000,
            "connectors": 1_431_475_200,
            "vocoder": 55_592_802,
        },
        configs={
            "transformer": {"num_attention_heads": 32, "attention_head_dim": 128, "num_layers": 48, "patch_size": 1},
            "vae": _CODEC,
        },
        settings={"conditions": True},
        take=(
            *("model_index.json", "scheduler/*", "text_encoder/*", "tokenizer/*", "transformer/*", "vae/*"),
            *("audio_vae/*", "connectors/*", "vocoder/*"),
        ),
        settings_source=_SETTINGS,
    ),
)
