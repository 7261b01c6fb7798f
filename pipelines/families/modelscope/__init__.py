"""ModelScope text-to-video (Wang et al., 2023): small clips from a sentence, by a 3D U-Net. No torch here."""

from __future__ import annotations

from pipelines.domain.capabilities import Range
from pipelines.families.arithmetic import Shape
from pipelines.families.checkpoint import SCHEDULERS, TOKENIZERS, Kind
from pipelines.families.family import Loader
from pipelines.families.published import Configs, Published, StockFamily

NAME = "modelscope"
PIPELINE = "TextToVideoSDPipeline"
KIND = Kind(
    pipeline=PIPELINE,
    parts={
        "vae": ("AutoencoderKL",),
        "text_encoder": ("CLIPTextModel",),
        "tokenizer": TOKENIZERS,
        "unet": ("UNet3DConditionModel",),
        "scheduler": SCHEDULERS,
    },
)
_WORDS_ALONE = "It was trained on words alone."
_KINDS = ("start_image", "end_image", "key_image", "source_clip", "mask_clip", "control_clip", "reference_image")
CARDS = (
    Published(
        id="modelscope-1.7b",
        pipeline=PIPELINE,
        repository="ali-vilab/text-to-video-ms-1.7b",
        non_commercial=True,
        about={
            "title": "ModelScope 1.7B",
            "summary": "Small clips from a sentence; runs on nearly any graphics card.",
            "licence": "CC-BY-NC-4.0 (no commercial use)",
            "weaknesses": "Coarse pictures of 256 x 256, often with the watermark of the clips it was trained on.",
            "sizes": ((256, 256), (448, 256), (256, 448)),
            "lengths": (16, 24, 8),
            "fps": Range(low=4, high=30, default=8),
            "steps": Range(low=1, high=100, default=25),
            "guidance": Range(low=1, high=20, default=9, step=0.1),
            "conditionings": frozenset(),
            "examples": ("Spiderman is surfing.", "A panda eats bamboo on a rock."),
        },
        traits={"lacks": tuple((kind, _WORDS_ALONE) for kind in _KINDS)},
        parameters={"unet": 1_411_233_860, "text_encoder": 340_387_840, "vae": 83_653_863},
        configs={
            "unet": {"block_out_channels": [320, 640, 1280, 1280]},
            "vae": {"block_out_channels": [128, 256, 512, 512]},
        },
        settings_source="the example of the pipeline in diffusers; guidance 9 is its default",
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


_FAMILY = StockFamily(name=NAME, kinds=(KIND,), cards=CARDS, shape_of=shape_of)
recognises, card, published, footprint = _FAMILY.recognises, _FAMILY.card, _FAMILY.published, _FAMILY.footprint


def loader() -> Loader:
    """The part that needs torch and diffusers, imported now."""
    from pipelines.families.modelscope.model import RECIPES
    from pipelines.families.stock import StockLoader

    return StockLoader(RECIPES)
