"""Wan beside VACE: the text, picture and two-expert checkpoints of 2.1 and 2.2, as stock pipelines. No torch here."""

from __future__ import annotations

from pipelines.families.arithmetic import Shape
from pipelines.families.checkpoint import PROCESSORS, SCHEDULERS, TOKENIZERS, Kind
from pipelines.families.published import Configs, StockFamily
from pipelines.families.wan.cards import CARDS, SEGMENT

_PARTS = {
    "tokenizer": TOKENIZERS,
    "text_encoder": ("UMT5EncoderModel",),
    "transformer": ("WanTransformer3DModel",),
    "transformer_2": ("WanTransformer3DModel",),
    "vae": ("AutoencoderKLWan",),
    "scheduler": SCHEDULERS,
}
_LOOKING = {"image_encoder": ("CLIPVisionModel", "CLIPVisionModelWithProjection"), "image_processor": PROCESSORS}
_ANIMATED = {name: classes for name, classes in _PARTS.items() if name != "transformer_2"}
KINDS = (
    Kind(pipeline="WanPipeline", parts=_PARTS, optional=frozenset({"transformer_2"})),
    Kind(
        pipeline="WanImageToVideoPipeline",
        parts={**_PARTS, **_LOOKING},
        optional=frozenset({"transformer_2", *_LOOKING}),
    ),
    Kind(
        pipeline="WanAnimatePipeline",
        parts={**_ANIMATED, **_LOOKING, "transformer": ("WanAnimateTransformer3DModel",)},
    ),
)


def shape_of(pipeline: str, configs: Configs) -> Shape:
    """Pixels to tokens. The codec's stages that halve time are those that say so; each stage halves the sides."""
    transformer, vae = configs["transformer"], configs["vae"]
    return Shape(
        spatial=vae.get("scale_factor_spatial") or 2 ** len(vae["temperal_downsample"]),
        temporal=vae.get("scale_factor_temporal") or 2 ** sum(vae["temperal_downsample"]),
        patch=transformer["patch_size"][1],
        patch_time=transformer["patch_size"][0],
        dim=transformer["num_attention_heads"] * transformer["attention_head_dim"],
        layers=transformer["num_layers"],
        text_tokens=512,
        decode_bytes=900,
        window=SEGMENT if pipeline == "WanAnimatePipeline" else 0,
    )


STOCK = StockFamily(
    name="wan",
    kinds=KINDS,
    cards=CARDS,
    shape_of=shape_of,
    refused={
        "WanVideoToVideoPipeline": "It is the text-to-video checkpoint under another name; use that folder.",
    },
)
