"""How the pipelines of CogVideoX are called."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from pipelines.domain.conditioning import ControlClip, SourceClip, StartImage
from pipelines.domain.errors import InvalidRequest, Problem
from pipelines.domain.request import GenerationRequest
from pipelines.families.family import ModelCard
from pipelines.families.stock import Call, Recipe

CHANGE = 0.8
"""How much of a source clip is made anew where the request leaves it open: the pipeline's own default."""


def _has_source(request: GenerationRequest) -> bool:
    return any(isinstance(part, SourceClip) for part in request.conditioning)


def _pipeline(card: ModelCard, request: GenerationRequest) -> str:
    return "CogVideoXVideoToVideoPipeline" if _has_source(request) else str(card.settings["pipeline"])


def change(part: SourceClip) -> float:
    """The share of the steps that a source clip goes through, 0..1."""
    strength = float(getattr(part, "strength", 1.0))
    return strength if strength < 1 else CHANGE


def _passes(card: ModelCard, request: GenerationRequest) -> int:
    for part in request.conditioning:
        if isinstance(part, SourceClip):
            return max(1, min(int(request.steps * change(part)), request.steps))
    return request.steps


def _text(call: Call) -> Mapping[str, Any]:
    source = call.given.part(SourceClip)
    if source is None:
        return {}
    if int(call.request.steps * change(source)) < 1:
        message = f"{call.request.steps} steps at this strength leave none to make."
        raise InvalidRequest((Problem(field="steps", message=message, hint="Use more steps or a greater strength."),))
    return {"video": call.given.clip(source), "strength": change(source)}


def _image(call: Call) -> Mapping[str, Any]:
    start = call.given.part(StartImage)
    return {} if start is None else {"image": call.given.picture(start)}


def _control(call: Call) -> Mapping[str, Any]:
    part = call.given.part(ControlClip)
    return {} if part is None else {"control_video": [call.given.clip(part)]}


RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {
        "CogVideoXPipeline": Recipe(arguments=_text, pipeline=_pipeline, passes=_passes, layout="frames first"),
        "CogVideoXImageToVideoPipeline": Recipe(arguments=_image, layout="frames first"),
        "CogVideoXFunControlPipeline": Recipe(arguments=_control, layout="frames first"),
    }
)
