"""AnimateDiff (Guo et al., 2023): motion for Stable Diffusion 1.5, with ControlNet and SparseCtrl. No torch here."""

from __future__ import annotations

from pipelines.families.animatediff.cards import CARDS
from pipelines.families.arithmetic import Shape
from pipelines.families.checkpoint import PROCESSORS, SCHEDULERS, TOKENIZERS, Kind
from pipelines.families.family import Loader
from pipelines.families.published import Configs, StockFamily

NAME = "animatediff"
_PARTS = {
    "vae": ("AutoencoderKL",),
    "text_encoder": ("CLIPTextModel",),
    "tokenizer": TOKENIZERS,
    "unet": ("UNet2DConditionModel", "UNetMotionModel"),
    "motion_adapter": ("MotionAdapter",),
    "scheduler": SCHEDULERS,
    "feature_extractor": PROCESSORS,
    "image_encoder": ("CLIPVisionModelWithProjection",),
}
_OPTIONAL = frozenset({"feature_extractor", "image_encoder"})
KINDS = (
    Kind(pipeline="AnimateDiffPipeline", parts=_PARTS, optional=_OPTIONAL),
    Kind(
        pipeline="AnimateDiffControlNetPipeline",
        parts={**_PARTS, "controlnet": ("ControlNetModel",)},
        optional=_OPTIONAL,
    ),
    Kind(
        pipeline="AnimateDiffSparseControlNetPipeline",
        parts={**_PARTS, "controlnet": ("SparseControlNetModel",)},
        optional=_OPTIONAL,
    ),
)


def shape_of(pipeline: str, configs: Configs) -> Shape:
    """Pixels to cells; the sides must halve evenly through every level of codec and U-Net."""
    spatial = 2 ** (len(configs["vae"]["block_out_channels"]) - 1)
    return Shape(
        spatial=spatial,
        temporal=1,
        size_step=spatial * 2 ** (len(configs["unet"]["block_out_channels"]) - 1),
        text_tokens=77,
        decode_bytes=700,
    )


_FAMILY = StockFamily(
    name=NAME,
    kinds=KINDS,
    cards=CARDS,
    shape_of=shape_of,
    refused={
        "AnimateDiffVideoToVideoPipeline": "It is the text checkpoint under another name; use that folder.",
        "AnimateDiffSDXLPipeline": "Its motion adapter for SDXL is a trial of its makers and is not served.",
    },
)
recognises, card, published, footprint = _FAMILY.recognises, _FAMILY.card, _FAMILY.published, _FAMILY.footprint


def loader() -> Loader:
    """The part that needs torch and diffusers, imported now."""
    from pipelines.families.animatediff.model import RECIPES
    from pipelines.families.stock import StockLoader

    return StockLoader(RECIPES)
