"""SANA-WM (Zhu et al., 2026): a picture and the camera's pose at every frame to video. No torch here."""

from __future__ import annotations

from pipelines.domain.capabilities import Range
from pipelines.families.arithmetic import Shape
from pipelines.families.checkpoint import SCHEDULERS, TOKENIZERS, Kind
from pipelines.families.family import Loader
from pipelines.families.published import Configs, Published, StockFamily

NAME = "sanawm"
PIPELINE = "SanaWMPipeline"
KIND = Kind(
    pipeline=PIPELINE,
    parts={
        "tokenizer": TOKENIZERS,
        "text_encoder": ("Gemma2Model", "Gemma2ForCausalLM"),
        "vae": ("AutoencoderKLLTX2Video",),
        "transformer": ("SanaWMTransformer3DModel",),
        "scheduler": SCHEDULERS,
    },
)
_LACKS = (
    ("end_image", "It was trained with a picture at the first frame only."),
    ("key_image", "It was trained with a picture at the first frame only."),
    ("source_clip", "It goes on from a picture and cannot change a clip."),
    ("mask_clip", "It goes on from a picture and cannot keep a part of a clip."),
    ("control_clip", "It follows the camera's own poses; it has no input for depth or other structure."),
    ("reference_image", "It has no input for pictures of things besides the first frame."),
)
CARDS = (
    Published(
        id="sana-wm",
        pipeline=PIPELINE,
        repository="Efficient-Large-Model/SANA-WM_bidirectional-diffusers",
        about={
            "title": "SANA-WM",
            "summary": "Goes on from your picture while the camera moves exactly as you drew it, for up to a minute.",
            "licence": "Apache-2.0; its text encoder under the Gemma Terms of Use",
            "weaknesses": "Made for one size; things move little besides the camera. Its refining step with LTX-2 is "
            "not run.",
            "sizes": ((1280, 704),),
            "lengths": (161, 81, 321, 41),
            "max_frames": 961,
            "fps": Range(low=8, high=30, default=16),
            "steps": Range(low=1, high=100, default=60),
            "guidance": Range(low=1, high=15, default=5, step=0.1),
            "max_sequence_length": 300,
            "conditionings": frozenset({"start_image"}),
            "examples": ("A car drives across a vast desert plain at golden hour.",),
        },
        traits={"needs": frozenset({"start_image"}), "cameras": frozenset({"poses"}), "lacks": _LACKS},
        parameters={"transformer": 2_661_800_448, "text_encoder": 2_614_341_888, "vae": 1_222_479_601},
        configs={
            "transformer": {"hidden_size": 2240, "num_layers": 20, "patch_size": [1, 1, 1]},
            "vae": {"spatial_compression_ratio": 32, "temporal_compression_ratio": 8},
        },
        settings_source="the page on SANA-WM in the documentation of diffusers",
    ),
)


def shape_of(pipeline: str, configs: Configs) -> Shape:
    """Pixels to tokens: 32 pixels and 8 frames per cell in the published codec."""
    transformer, vae = configs["transformer"], configs["vae"]
    return Shape(
        spatial=vae.get("spatial_compression_ratio") or vae["patch_size"] * 2 ** sum(vae["spatio_temporal_scaling"]),
        temporal=vae.get("temporal_compression_ratio")
        or vae["patch_size_t"] * 2 ** sum(vae["spatio_temporal_scaling"]),
        patch=transformer["patch_size"][1],
        dim=transformer["hidden_size"],
        layers=transformer["num_layers"],
        text_tokens=300,
        decode_bytes=400,
    )


_FAMILY = StockFamily(name=NAME, kinds=(KIND,), cards=CARDS, shape_of=shape_of)
recognises, card, published, footprint = _FAMILY.recognises, _FAMILY.card, _FAMILY.published, _FAMILY.footprint


def loader() -> Loader:
    """The part that needs torch and diffusers, imported now."""
    from pipelines.families.sanawm.model import RECIPES
    from pipelines.families.stock import StockLoader

    return StockLoader(RECIPES)
