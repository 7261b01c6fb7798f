"""HunyuanVideo (Kong et al., 2024), its version 1.5, and FramePack (Zhang and Agrawala, 2025). No torch here."""

from __future__ import annotations

from pipelines.families.arithmetic import Shape
from pipelines.families.checkpoint import PROCESSORS, SCHEDULERS, TOKENIZERS, Kind
from pipelines.families.family import Loader
from pipelines.families.hunyuan.cards import CARDS, WINDOW
from pipelines.families.hunyuan.files import FILES
from pipelines.families.published import Configs, StockFamily
from pipelines.families.single import Singles

NAME = "hunyuan"
_ONE = {
    "text_encoder": ("LlamaModel",),
    "tokenizer": TOKENIZERS,
    "transformer": ("HunyuanVideoTransformer3DModel",),
    "vae": ("AutoencoderKLHunyuanVideo",),
    "scheduler": SCHEDULERS,
    "text_encoder_2": ("CLIPTextModel",),
    "tokenizer_2": TOKENIZERS,
}
_LOOKING = {"image_encoder": ("SiglipVisionModel",), "feature_extractor": PROCESSORS}
_FIFTEEN = {
    "text_encoder": ("Qwen2_5_VLTextModel",),
    "tokenizer": TOKENIZERS,
    "transformer": ("HunyuanVideo15Transformer3DModel",),
    "vae": ("AutoencoderKLHunyuanVideo15",),
    "scheduler": SCHEDULERS,
    "text_encoder_2": ("T5EncoderModel",),
    "tokenizer_2": TOKENIZERS,
    "guider": ("ClassifierFreeGuidance",),
}
KINDS = (
    Kind(pipeline="HunyuanVideoPipeline", parts=_ONE),
    Kind(
        pipeline="HunyuanVideoImageToVideoPipeline",
        parts={**_ONE, "text_encoder": ("LlavaForConditionalGeneration",), "image_processor": PROCESSORS},
    ),
    Kind(
        pipeline="HunyuanVideoFramepackPipeline",
        parts={**_ONE, **_LOOKING, "transformer": ("HunyuanVideoFramepackTransformer3DModel",)},
    ),
    Kind(pipeline="HunyuanVideo15Pipeline", parts=_FIFTEEN),
    Kind(pipeline="HunyuanVideo15ImageToVideoPipeline", parts={**_FIFTEEN, **_LOOKING}),
)


def shape_of(pipeline: str, configs: Configs) -> Shape:
    """Pixels to tokens. FramePack makes windows of nine latent frames, one after the other."""
    transformer, vae = configs["transformer"], configs["vae"]
    temporal, is_new = vae["temporal_compression_ratio"], "15" in pipeline
    is_packed = "Framepack" in pipeline
    return Shape(
        spatial=vae["spatial_compression_ratio"],
        temporal=temporal,
        patch=transformer["patch_size"],
        dim=transformer["num_attention_heads"] * transformer["attention_head_dim"],
        layers=transformer["num_layers"] + transformer.get("num_single_layers", 0),
        text_tokens=1256 if is_new else 256,
        decode_bytes=1500,
        frames_step=WINDOW * temporal if is_packed else 0,
        window=WINDOW * temporal + 1 if is_packed else 0,
        guided_passes=2 if is_new else 1,
    )


_FAMILY = StockFamily(
    name=NAME,
    kinds=KINDS,
    cards=CARDS,
    shape_of=shape_of,
    refused={"HunyuanSkyreelsImageToVideoPipeline": "SkyReels' own variant of HunyuanVideo is not served."},
)
SINGLES = Singles(files=FILES, records=_FAMILY.records())
recognises, card, published, footprint = _FAMILY.recognises, _FAMILY.card, _FAMILY.published, _FAMILY.footprint


def loader() -> Loader:
    """The part that needs torch and diffusers, imported now."""
    from pipelines.families.hunyuan.model import RECIPES
    from pipelines.families.stock import StockLoader

    return StockLoader(RECIPES)
