"""How the pipelines of LTX-Video and LTX-2 are called."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import diffusers
import numpy as np
from diffusers.pipelines.ltx.pipeline_ltx_condition import LTXVideoCondition
from diffusers.pipelines.ltx2.pipeline_ltx2_condition import LTX2VideoCondition
from PIL import Image

from pipelines.domain.conditioning import EndImage, ExtendClip, KeyImage, StartImage
from pipelines.domain.errors import InvalidRequest, Problem
from pipelines.domain.request import GenerationRequest
from pipelines.domain.sound import Sound
from pipelines.families.family import ModelCard
from pipelines.families.stock import Call, Recipe

Placed = tuple[int, list[Image.Image]]


def _pipeline(card: ModelCard, request: GenerationRequest) -> str:
    """Models from 0.9.5 on take conditions at any frame; the first ones a picture at the first."""
    if card.settings["pipeline"] == "LTX2Pipeline":
        return "LTX2ConditionPipeline" if request.conditioning else "LTX2Pipeline"
    if card.settings.get("conditions"):
        return "LTXConditionPipeline"
    return "LTXImageToVideoPipeline" if request.conditioning else "LTXPipeline"


def _placed(call: Call) -> Iterator[Placed]:
    """Frames that are given, each with the number of the frame where they begin."""
    given, last = call.given, call.request.num_frames - 1
    for part in call.request.conditioning:
        if isinstance(part, StartImage):
            yield 0, [given.picture(part)]
        elif isinstance(part, EndImage):
            yield last, [given.picture(part)]
        elif isinstance(part, KeyImage):
            yield _on_grid(call, part.frame, last), [given.picture(part)]
        elif isinstance(part, ExtendClip):
            yield _extension(call, part)


def _on_grid(call: Call, frame: int, last: int) -> int:
    """A picture counts for a latent frame: it stands at the nearest frame that begins one."""
    step = int(call.card.settings["shape"].temporal)
    return min(last, round(frame / step) * step)


def _extension(call: Call, part: ExtendClip) -> Placed:
    step = call.card.settings["shape"].temporal
    if part.keep % step != 1:
        message = f"{part.keep} frames of the clip are kept; this model keeps 1 or 1 more than a multiple of {step}."
        nearest = max(1, round((part.keep - 1) / step) * step + 1)
        raise InvalidRequest((Problem(field="extend_clip", message=message, hint=f"Keep {nearest}."),))
    at = 0 if part.way == "forward" else call.request.num_frames - part.keep
    return at, call.given.kept(part)


def _first(call: Call) -> Mapping[str, Any]:
    """LTX-Video before 0.9.5 and after."""
    settings, request = call.card.settings, call.request
    named: dict[str, Any] = {}
    if "decode_timestep" in settings:
        named["decode_timestep"] = settings["decode_timestep"]
    if not settings.get("conditions"):
        start = call.given.part(StartImage)
        return named if start is None else {**named, "image": call.given.picture(start)}
    named["image_cond_noise_scale"] = settings["image_cond_noise_scale"]
    if len(settings.get("timesteps", ())) == request.steps:
        named["timesteps"] = list(settings["timesteps"])
    conditions = [
        LTXVideoCondition(image=frames[0], frame_index=at)
        if len(frames) == 1
        else LTXVideoCondition(video=frames, frame_index=at)
        for at, frames in _placed(call)
    ]
    return {**named, "conditions": conditions} if conditions else named


def _second(call: Call) -> Mapping[str, Any]:
    """LTX-2: the sound is made with the pictures, in one model. Frames are numbered in latent ones."""
    step = call.card.settings["shape"].temporal
    named: dict[str, Any] = {"audio_guidance_scale": call.request.guidance, "return_dict": True}
    conditions = [
        LTX2VideoCondition(frames=frames[0] if len(frames) == 1 else frames, index=-(-at // step))
        for at, frames in _placed(call)
    ]
    return {**named, "conditions": conditions} if conditions else named


def _sound(call: Call, result: Any) -> Sound:
    """The first clip's sound, as long as its pictures."""
    samples = np.nan_to_num(result.audio[0].float().cpu().numpy()).clip(-1, 1).astype(np.float32)
    whole = Sound(np.atleast_2d(samples), int(call.pipe.vocoder.config.output_sampling_rate))
    return whole.lasting(call.request.num_frames / call.request.fps)


def _refines(card: ModelCard) -> bool:
    return "latent_upsampler" in card.settings["components"]


def _refine_passes(card: ModelCard) -> int:
    steps, strength = int(card.settings.get("refine_steps", 0)), float(card.settings.get("refine_strength", 0))
    return max(1, min(int(steps * strength), steps))


def _passes(card: ModelCard, request: GenerationRequest) -> int:
    return request.steps + (_refine_passes(card) if _refines(card) else 0)


def _run(call: Call, arguments: dict[str, Any]) -> Any:
    """With an enlarger: half the size first, its latents enlarged, then the last few steps again at full size."""
    if not _refines(call.card):
        return call.pipe(**arguments)
    request, settings = call.request, call.card.settings
    build: Any = diffusers.LTXLatentUpsamplePipeline
    enlarge = build(vae=call.pipe.vae, latent_upsampler=call.extras["latent_upsampler"])
    enlarge.set_progress_bar_config(disable=True)
    half = {"width": request.width // 2, "height": request.height // 2, "output_type": "latent"}
    small = call.pipe(**{**arguments, **half}).frames
    large = enlarge(latents=small, width=request.width // 2, height=request.height // 2, output_type="latent").frames
    last = {
        "latents": large,
        "num_inference_steps": settings["refine_steps"],
        "denoise_strength": settings["refine_strength"],
    }
    return call.pipe(**{**arguments, **last})


_VIDEO = Recipe(arguments=_first, pipeline=_pipeline, layout="tokens", passes=_passes, run=_run)
RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {
        "LTXPipeline": _VIDEO,
        "LTXConditionPipeline": _VIDEO,
        "LTX2Pipeline": Recipe(arguments=_second, pipeline=_pipeline, layout="tokens", sound=_sound),
    }
)
