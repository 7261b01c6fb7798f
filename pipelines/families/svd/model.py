"""How the pipeline of Stable Video Diffusion is called."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from pipelines.domain.conditioning import StartImage
from pipelines.families.stock import Call, Recipe

_DECODED_AT_ONCE = 8


def _image(call: Call) -> Mapping[str, Any]:
    """Guidance rises from 1 at the first frame to the request's at the last; motion and noise are the defaults."""
    start = call.given.part(StartImage)
    return {
        "image": None if start is None else call.given.picture(start),
        "fps": max(1, round(call.request.fps)),
        "max_guidance_scale": call.request.guidance,
        "decode_chunk_size": _DECODED_AT_ONCE,
    }


RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {"StableVideoDiffusionPipeline": Recipe(arguments=_image, layout="frames first")}
)
