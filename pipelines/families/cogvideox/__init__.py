"""CogVideoX (Yang et al., 2024): text, a first picture, a clip or a control clip to video. No torch here."""

from __future__ import annotations

from pipelines.families.arithmetic import Shape
from pipelines.families.checkpoint import SCHEDULERS, TOKENIZERS, Kind
from pipelines.families.cogvideox.cards import CARDS
from pipelines.families.cogvideox.files import FILES
from pipelines.families.family import Loader
from pipelines.families.published import Configs, StockFamily
from pipelines.families.single import Singles

NAME = "cogvideox"
PARTS = {
    "tokenizer": TOKENIZERS,
    "text_encoder": ("T5EncoderModel",),
    "transformer": ("CogVideoXTransformer3DModel",),
    "vae": ("AutoencoderKLCogVideoX",),
    "scheduler": SCHEDULERS,
}
KINDS = tuple(
    Kind(pipeline=name, parts=PARTS)
    for name in ("CogVideoXPipeline", "CogVideoXImageToVideoPipeline", "CogVideoXFunControlPipeline")
)


def shape_of(pipeline: str, configs: Configs) -> Shape:
    """Pixels to tokens. The codec halves the sides at each level but the last."""
    transformer, vae = configs["transformer"], configs["vae"]
    return Shape(
        spatial=2 ** (len(vae["block_out_channels"]) - 1),
        temporal=vae["temporal_compression_ratio"],
        patch=transformer["patch_size"],
        patch_time=transformer["patch_size_t"] or 1,
        dim=transformer["num_attention_heads"] * transformer["attention_head_dim"],
        layers=transformer["num_layers"],
        text_tokens=transformer["max_text_seq_length"],
        decode_bytes=1200,
    )


_FAMILY = StockFamily(
    name=NAME,
    kinds=KINDS,
    cards=CARDS,
    shape_of=shape_of,
    refused={
        "CogVideoXVideoToVideoPipeline": "It is the text-to-video checkpoint under another name; use that folder, and "
        "give the clip to change as the source clip."
    },
)
SINGLES = Singles(files=FILES, records=_FAMILY.records())
recognises, card, published, footprint = _FAMILY.recognises, _FAMILY.card, _FAMILY.published, _FAMILY.footprint


def loader() -> Loader:
    """The part that needs torch and diffusers, imported now."""
    from pipelines.families.cogvideox.model import RECIPES
    from pipelines.families.stock import StockLoader

    return StockLoader(RECIPES)
