"""How the stock pipelines of Wan beside VACE are called."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from PIL import Image

from pipelines.domain.conditioning import ControlClip, EndImage, ReferenceImage, StartImage
from pipelines.domain.request import GenerationRequest
from pipelines.families.family import ModelCard
from pipelines.families.stock import Call, Recipe
from pipelines.families.wan.cards import SEGMENT


def _pipeline(card: ModelCard, request: GenerationRequest) -> str:
    """TI2V is published under the name of the text pipeline; with a picture the other one serves it."""
    given = any(isinstance(part, StartImage) for part in request.conditioning)
    return "WanImageToVideoPipeline" if given else str(card.settings["pipeline"])


def _arguments(call: Call) -> Mapping[str, Any]:
    """The pictures, and of two experts the second one's guidance as a share of the first one's."""
    named: dict[str, Any] = {}
    start, end = call.given.part(StartImage), call.given.part(EndImage)
    if start is not None:
        named["image"] = call.given.picture(start)
    if end is not None:
        named["last_image"] = call.given.picture(end)
    share = call.card.settings.get("second_guidance")
    if share and call.pipe.config.boundary_ratio is not None and call.request.guidance > 1:
        named["guidance_scale_2"] = max(1.0, share * call.request.guidance)
    return named


def _segments(card: ModelCard, request: GenerationRequest) -> int:
    """Each segment begins with the last frame of the one before."""
    at_once = min(SEGMENT, request.num_frames)
    return max(1, math.ceil((request.num_frames - 1) / max(1, at_once - 1)))


def _animated(call: Call) -> Mapping[str, Any]:
    """The character and the skeletons. Black faces are what the model was shown where it should follow none."""
    named: dict[str, Any] = {"segment_frame_length": min(SEGMENT, call.request.num_frames)}
    character, poses = call.given.part(ReferenceImage), call.given.part(ControlClip)
    if character is not None:
        named["image"] = call.given.picture(character)
    if poses is not None:
        named["pose_video"] = call.given.clip(poses)
    side = call.pipe.transformer.config.motion_encoder_size
    return {**named, "face_video": [Image.new("RGB", (side, side))] * call.request.num_frames}


_ANIMATE = Recipe(
    arguments=_animated,
    passes=lambda card, request: request.steps * _segments(card, request),
    full=("vae", "image_encoder"),
)
_RECIPE = Recipe(arguments=_arguments, pipeline=_pipeline, full=("vae", "image_encoder"))
RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {"WanPipeline": _RECIPE, "WanImageToVideoPipeline": _RECIPE, "WanAnimatePipeline": _ANIMATE}
)
