"""How the pipelines of HunyuanVideo, of its version 1.5 and of FramePack are called."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from pipelines.domain.conditioning import EndImage, StartImage
from pipelines.domain.request import GenerationRequest
from pipelines.families.family import ModelCard
from pipelines.families.hunyuan.cards import WINDOW
from pipelines.families.stock import Call, Recipe


def _start(call: Call) -> dict[str, Any]:
    start = call.given.part(StartImage)
    return {} if start is None else {"image": call.given.picture(start)}


def _embedded_guidance(call: Call) -> Mapping[str, Any]:
    """The guidance is a number that the model reads; without a second pass there is nothing to tell it not to do."""
    return {**_start(call), "negative_prompt": None}


def _pictured(call: Call) -> Mapping[str, Any]:
    """The checkpoints with 33 channels make four frames at the front that the pipeline cuts off again."""
    is_cut = call.pipe.transformer.config.image_condition_type == "latent_concat"
    return {**_embedded_guidance(call), "num_frames": call.request.num_frames + (4 if is_cut else 0)}


def _sections(card: ModelCard, request: GenerationRequest) -> int:
    return max(1, (request.num_frames - 1) // int(card.settings["shape"].frames_step))


def _packed(call: Call) -> Mapping[str, Any]:
    """One window after the other: the pipeline counts them from the frames that one decodes to alone."""
    alone = (WINDOW - 1) * call.card.settings["shape"].temporal + 1
    end = call.given.part(EndImage)
    return {
        **_embedded_guidance(call),
        "num_frames": alone * _sections(call.card, call.request),
        "latent_window_size": WINDOW,
        "last_image": None if end is None else call.given.picture(end),
    }


def _guided(call: Call) -> Mapping[str, Any]:
    """Version 1.5 guides by an object of the pipeline instead of a number of the call.

    With a picture its pipeline would take the size from a table; the picture has the request's size already.
    """
    size = (call.request.height, call.request.width)
    call.pipe.guider = call.pipe.guider.new(guidance_scale=call.request.guidance)
    call.pipe.video_processor.calculate_default_height_width = lambda **_: size
    return _start(call)


RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {
        "HunyuanVideoPipeline": Recipe(arguments=_embedded_guidance),
        "HunyuanVideoImageToVideoPipeline": Recipe(arguments=_pictured),
        "HunyuanVideoFramepackPipeline": Recipe(
            arguments=_packed, passes=lambda card, request: request.steps * _sections(card, request)
        ),
        "HunyuanVideo15Pipeline": Recipe(arguments=_guided),
        "HunyuanVideo15ImageToVideoPipeline": Recipe(arguments=_guided),
    }
)
