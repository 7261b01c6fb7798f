"""Published parts that make up AnimateDiff models: a base model, a motion adapter, motion LoRA and control branches.

No repository holds such a model whole, so each card says which parts go where and what its index is. Sizes, steps,
guidance and scheduler: the pages on AnimateDiff in the documentation of diffusers.
"""

from __future__ import annotations

from typing import Any

from pipelines.domain.capabilities import Range
from pipelines.families.animatediff.moves import MOVES
from pipelines.families.family import Part
from pipelines.families.published import Published

BASE = "stable-diffusion-v1-5/stable-diffusion-v1-5"
_FILES = (
    *("scheduler/*", "text_encoder/model.safetensors", "text_encoder/config.json", "tokenizer/*"),
    *("unet/diffusion_pytorch_model.safetensors", "unet/config.json"),
    *("vae/diffusion_pytorch_model.safetensors", "vae/config.json"),
)
_ADAPTER = Part(
    repository="guoyww/animatediff-motion-adapter-v1-5-2",
    take=("config.json", "diffusion_pytorch_model.safetensors"),
    into="motion_adapter",
)
_LORAS = tuple(
    Part(repository=f"guoyww/animatediff-motion-lora-{move}", take=("*.safetensors",), into=f"motion_lora/{move}")
    for move in MOVES
)
_INDEX: dict[str, Any] = {
    "_class_name": "AnimateDiffPipeline",
    "motion_adapter": ["diffusers", "MotionAdapter"],
    "scheduler": ["diffusers", "PNDMScheduler"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderKL"],
}
_PARAMETERS = {
    "unet": 859_520_964,
    "motion_adapter": 453_209_280,
    "text_encoder": 123_060_480,
    "vae": 83_653_863,
}
_CONFIGS = {
    "unet": {"block_out_channels": [320, 640, 1280, 1280]},
    "vae": {"block_out_channels": [128, 256, 512, 512]},
}
_NO_CONTROL = ("control_clip", "Without a control branch; the cards with ControlNet or SparseCtrl have one.")
_NO_SOURCE = ("source_clip", "It makes new clips and cannot change one.")
_NO_MASK = ("mask_clip", "It makes whole clips and cannot keep a part of one.")
_NO_START = ("start_image", "It was trained on words; SparseCtrl with pictures takes them at any frame.")
_NO_END = ("end_image", "It was trained on words; SparseCtrl with pictures takes them at any frame.")
_NO_KEYS = ("key_image", "It was trained on words; SparseCtrl with pictures takes them at any frame.")
_NO_REFERENCE = ("reference_image", "Pictures of things need an IP-Adapter, which is not served yet.")
_ALWAYS = (_NO_SOURCE, _NO_MASK, _NO_REFERENCE)
_PICTURES = (_NO_START, _NO_END, _NO_KEYS)


def _about(title: str, summary: str, weaknesses: str, **more: Any) -> dict[str, Any]:
    return {
        "title": title,
        "summary": summary,
        "weaknesses": weaknesses,
        "licence": "CreativeML OpenRAIL-M (Stable Diffusion 1.5); motion parts Apache-2.0",
        "sizes": ((512, 512), (768, 512), (512, 768)),
        "min_side": 256,
        "lengths": (16, 24, 32, 48, 64),
        "fps": Range(low=4, high=30, default=8),
        "steps": Range(low=1, high=100, default=25),
        "guidance": Range(low=1, high=20, default=7.5, step=0.1),
        "conditionings": frozenset(),
        "examples": (
            "masterpiece, best quality, sunset, orange sky, fishing boats, ocean waves, seagulls, golden hour",
            "a panda, playing a guitar, sitting in a pink boat, in the ocean, mountains in the background",
        ),
        **more,
    }


_WEAK = (
    "Single pictures are good, motion is small and repeats; more than 16 frames are joined from windows (FreeNoise)."
)
_SETTINGS = "the pages on AnimateDiff in the documentation of diffusers"
CARDS = (
    Published(
        id="animatediff",
        pipeline="AnimateDiffPipeline",
        repository=BASE,
        about=_about(
            "AnimateDiff on Stable Diffusion 1.5",
            "Clips in any style that Stable Diffusion 1.5 has a LoRA for, with eight trained camera moves.",
            _WEAK,
        ),
        traits={
            "adapters": True,
            "cameras": frozenset({"moves"}),
            "lacks": (*_ALWAYS, *_PICTURES, _NO_CONTROL),
        },
        parameters=_PARAMETERS,
        configs=_CONFIGS,
        take=_FILES,
        parts=(_ADAPTER, *_LORAS),
        index=_INDEX,
        settings={"free_noise": 16},
        settings_source=_SETTINGS,
    ),
    Published(
        id="animatediff-depth",
        pipeline="AnimateDiffControlNetPipeline",
        repository=BASE,
        about=_about(
            "AnimateDiff with depth",
            "Clips that follow a depth clip, in any style of Stable Diffusion 1.5; a camera path is given as depth.",
            _WEAK,
            conditionings=frozenset({"control_clip"}),
        ),
        traits={
            "adapters": True,
            "needs": frozenset({"control_clip"}),
            "controls": frozenset({"depth"}),
            "lacks": (*_ALWAYS, *_PICTURES),
        },
        parameters={**_PARAMETERS, "controlnet": 361_279_120},
        configs=_CONFIGS,
        take=_FILES,
        parts=(
            _ADAPTER,
            Part(
                repository="lllyasviel/control_v11f1p_sd15_depth",
                take=("config.json", "diffusion_pytorch_model.safetensors"),
                into="controlnet",
            ),
        ),
        index={
            **_INDEX,
            "_class_name": "AnimateDiffControlNetPipeline",
            "controlnet": ["diffusers", "ControlNetModel"],
        },
        settings={"free_noise": 16},
        settings_source=_SETTINGS,
    ),
    Published(
        id="animatediff-sparsectrl",
        pipeline="AnimateDiffSparseControlNetPipeline",
        repository=BASE,
        about=_about(
            "AnimateDiff with pictures (SparseCtrl)",
            "Clips through pictures that you give for chosen frames, in any style of Stable Diffusion 1.5.",
            "Pictures are followed loosely, and at most 32 frames are made.",
            lengths=(16, 24, 32),
            conditionings=frozenset({"start_image", "end_image", "key_image"}),
        ),
        traits={"adapters": True, "cameras": frozenset({"moves"}), "lacks": (*_ALWAYS, _NO_CONTROL)},
        parameters={**_PARAMETERS, "controlnet": 496_730_880},
        configs=_CONFIGS,
        take=_FILES,
        parts=(
            _ADAPTER,
            *_LORAS,
            Part(
                repository="guoyww/animatediff-sparsectrl-rgb",
                take=("config.json", "diffusion_pytorch_model.safetensors"),
                into="controlnet",
            ),
        ),
        index={
            **_INDEX,
            "_class_name": "AnimateDiffSparseControlNetPipeline",
            "controlnet": ["diffusers", "SparseControlNetModel"],
        },
        settings_source=_SETTINGS,
    ),
)
