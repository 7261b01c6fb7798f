"""Stable Video Diffusion (Blattmann et al., 2023): one picture becomes a short clip. No torch here."""

from __future__ import annotations

from pipelines.domain.capabilities import Range
from pipelines.families.arithmetic import Shape
from pipelines.families.checkpoint import PROCESSORS, SCHEDULERS, Kind
from pipelines.families.family import Loader
from pipelines.families.published import Configs, Published, StockFamily

NAME = "svd"
PIPELINE = "StableVideoDiffusionPipeline"
KIND = Kind(
    pipeline=PIPELINE,
    parts={
        "vae": ("AutoencoderKLTemporalDecoder",),
        "image_encoder": ("CLIPVisionModelWithProjection",),
        "unet": ("UNetSpatioTemporalConditionModel",),
        "scheduler": SCHEDULERS,
        "feature_extractor": PROCESSORS,
    },
)
_WORDS = "It reads no words: the picture alone decides what moves."
_LACKS = (
    ("end_image", "It was trained with a picture at the first frame only."),
    ("key_image", "It was trained with a picture at the first frame only."),
    ("source_clip", "It makes a clip of one picture and cannot change one."),
    ("mask_clip", "It makes a clip of one picture and cannot keep a part of one."),
    ("control_clip", "It has no control branch."),
    ("reference_image", "It has no input for pictures of things besides the first frame."),
)
_CONFIGS = {
    "unet": {"block_out_channels": [320, 640, 1280, 1280]},
    "vae": {"block_out_channels": [128, 256, 512, 512]},
}
_PARAMETERS = {"unet": 1_524_623_082, "image_encoder": 632_076_800, "vae": 97_742_847}


def _published(card_id: str, repository: str, title: str, frames: int) -> Published:
    return Published(
        id=card_id,
        pipeline=PIPELINE,
        repository=repository,
        about={
            "title": title,
            "summary": f"Sets a picture in motion for {frames} frames. {_WORDS}",
            "licence": "Stability AI Community License (free below a yearly revenue of 1 million US dollars)",
            "weaknesses": "What moves and where the camera goes cannot be chosen; faces drift, some clips hardly move.",
            "sizes": ((1024, 576), (576, 1024), (768, 768)),
            "min_side": 256,
            "lengths": (frames,),
            "fps": Range(low=3, high=30, default=7),
            "steps": Range(low=1, high=100, default=25),
            "guidance": Range(low=1, high=6, default=3, step=0.1),
            "negative_prompt": False,
            "conditionings": frozenset({"start_image"}),
        },
        traits={"prompt": False, "needs": frozenset({"start_image"}), "lacks": _LACKS},
        parameters=_PARAMETERS,
        configs=_CONFIGS,
        settings_source="the defaults of the pipeline in diffusers: 25 steps, guidance 1 to 3, 7 frames per second",
    )


CARDS = (
    _published("svd-xt", "stabilityai/stable-video-diffusion-img2vid-xt", "Stable Video Diffusion XT", 25),
    _published("svd", "stabilityai/stable-video-diffusion-img2vid", "Stable Video Diffusion", 14),
)


def shape_of(pipeline: str, configs: Configs) -> Shape:
    """Pixels to cells; the sides must halve evenly through every level of codec and U-Net."""
    spatial = 2 ** (len(configs["vae"]["block_out_channels"]) - 1)
    return Shape(
        spatial=spatial,
        temporal=1,
        size_step=spatial * 2 ** (len(configs["unet"]["block_out_channels"]) - 1),
        decode_bytes=1000,
    )


_FAMILY = StockFamily(name=NAME, kinds=(KIND,), cards=CARDS, shape_of=shape_of)
recognises, card, published, footprint = _FAMILY.recognises, _FAMILY.card, _FAMILY.published, _FAMILY.footprint


def loader() -> Loader:
    """The part that needs torch and diffusers, imported now."""
    from pipelines.families.stock import StockLoader
    from pipelines.families.svd.model import RECIPES

    return StockLoader(RECIPES)
