"""How the stock pipelines of Wan beside VACE are called."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from pipelines.domain.conditioning import EndImage, StartImage
from pipelines.domain.request import GenerationRequest
from pipelines.families.family import ModelCard
from pipelines.families.stock import Call, Recipe


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


_RECIPE = Recipe(arguments=_arguments, pipeline=_pipeline, full=("vae", "image_encoder"))
RECIPES: Mapping[str, Recipe] = MappingProxyType({"WanPipeline": _RECIPE, "WanImageToVideoPipeline": _RECIPE})
