"""LTX-Video (HaCohen et al., 2024) and LTX-2: text, pictures and clips at chosen frames to video. No torch here."""

from __future__ import annotations

from pipelines.families.arithmetic import Shape
from pipelines.families.checkpoint import SCHEDULERS, TOKENIZERS, Kind
from pipelines.families.family import Loader
from pipelines.families.ltx.cards import CARDS
from pipelines.families.ltx.files import FILES
from pipelines.families.published import Configs, StockFamily
from pipelines.families.single import Singles

NAME = "ltx"
SIDE = 32
"""The pipelines take sides that are multiples of this, whatever the codec."""
_FIRST = {
    "scheduler": SCHEDULERS,
    "vae": ("AutoencoderKLLTXVideo",),
    "text_encoder": ("T5EncoderModel",),
    "tokenizer": TOKENIZERS,
    "transformer": ("LTXVideoTransformer3DModel",),
    "latent_upsampler": ("LTXLatentUpsamplerModel",),
}
_SECOND = {
    "scheduler": SCHEDULERS,
    "vae": ("AutoencoderKLLTX2Video",),
    "audio_vae": ("AutoencoderKLLTX2Audio",),
    "text_encoder": ("Gemma3ForConditionalGeneration",),
    "tokenizer": TOKENIZERS,
    "connectors": ("LTX2TextConnectors",),
    "transformer": ("LTX2VideoTransformer3DModel",),
    "vocoder": ("LTX2Vocoder", "LTX2VocoderWithBWE"),
}
KINDS = (
    *(
        Kind(pipeline=name, parts=_FIRST, optional=frozenset({"latent_upsampler"}), local="ltx")
        for name in ("LTXPipeline", "LTXConditionPipeline")
    ),
    Kind(pipeline="LTX2Pipeline", parts=_SECOND, local="ltx2"),
)


def shape_of(pipeline: str, configs: Configs) -> Shape:
    """Pixels to tokens. The codec folds patches and halves at each level that says so, or names its ratios itself."""
    transformer, vae = configs["transformer"], configs["vae"]
    halvings = sum(vae.get("spatio_temporal_scaling", ()))
    spatial = vae.get("spatial_compression_ratio") or vae["patch_size"] * 2**halvings
    temporal = vae.get("temporal_compression_ratio") or vae["patch_size_t"] * 2**halvings
    return Shape(
        spatial=spatial,
        temporal=temporal,
        patch=transformer["patch_size"],
        dim=transformer["num_attention_heads"] * transformer["attention_head_dim"],
        layers=transformer["num_layers"],
        text_tokens=1024 if pipeline.startswith("LTX2") else 256,
        decode_bytes=400,
        size_step=max(spatial, SIDE) * (2 if "latent_upsampler" in configs else 1),
        guided_passes=4 if pipeline.startswith("LTX2") else 2,
    )


_FAMILY = StockFamily(
    name=NAME,
    kinds=KINDS,
    cards=CARDS,
    shape_of=shape_of,
    refused={
        "LTXLatentUpsamplePipeline": "It enlarges the latents of an LTX-Video model and makes nothing by itself; put "
        "its folder latent_upsampler into that model's folder and name it in the model_index.json there.",
        "LTX2LatentUpsamplePipeline": "It enlarges the latents of LTX-2 and makes nothing by itself.",
        "LTXI2VLongMultiPromptPipeline": "Its long clips of several prompts are not served; use the same checkpoint "
        "under LTXConditionPipeline.",
    },
)
SINGLES = Singles(files=FILES, records=_FAMILY.records())
recognises, card, published, footprint = _FAMILY.recognises, _FAMILY.card, _FAMILY.published, _FAMILY.footprint


def loader() -> Loader:
    """The part that needs torch and diffusers, imported now."""
    from pipelines.families.ltx.model import RECIPES
    from pipelines.families.stock import StockLoader

    return StockLoader(RECIPES)
