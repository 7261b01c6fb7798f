"""How the pipelines of AnimateDiff are called."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from diffusers import DDIMScheduler

from pipelines.domain.conditioning import ControlClip, EndImage, KeyImage, StartImage
from pipelines.domain.errors import InvalidRequest, Problem
from pipelines.domain.request import GenerationRequest
from pipelines.families.animatediff.moves import main_move
from pipelines.families.family import Adapter, ModelCard
from pipelines.families.stock import Call, Recipe

_STRIDE = 4


def _ready(pipe: Any, card: ModelCard) -> None:
    """The noise levels that the motion adapters were trained on, whatever the base model says."""
    pipe.scheduler = DDIMScheduler.from_config(
        pipe.scheduler.config,
        beta_schedule="linear",
        clip_sample=False,
        timestep_spacing="linspace",
        steps_offset=1,
    )


def _moves(card: ModelCard, request: GenerationRequest) -> tuple[Adapter, ...]:
    """The motion LoRA of the move that a camera path mostly is."""
    move = None if request.camera is None else main_move(request.camera)
    if move is None:
        return ()
    found = sorted((card.folder / "motion_lora" / move.name).glob("*.safetensors"))
    if not found:
        message = f"The camera path is mostly {move.name.replace('-', ' ')}, and its motion LoRA is not in the folder."
        hint = f"Put it into {card.folder / 'motion_lora' / move.name}, or remove the path."
        raise InvalidRequest((Problem(field="camera", message=message, hint=hint),))
    return (Adapter(path=found[0], strength=move.strength),)


def _control(call: Call) -> Mapping[str, Any]:
    part = call.given.part(ControlClip)
    if part is None:
        return {}
    return {
        "conditioning_frames": call.given.clip(part),
        "controlnet_conditioning_scale": part.strength,
        "control_guidance_start": float(getattr(part, "start", 0.0)),
        "control_guidance_end": float(getattr(part, "end", 1.0)),
    }


def _sparse_pipeline(card: ModelCard, request: GenerationRequest) -> str:
    """Without a picture the control branch would have nothing to look at."""
    return str(card.settings["pipeline"]) if request.conditioning else "AnimateDiffPipeline"


def _sparse(call: Call) -> Mapping[str, Any]:
    last = call.request.num_frames - 1
    placed = {}
    for part in call.request.conditioning:
        if isinstance(part, StartImage | EndImage | KeyImage):
            at = part.frame if isinstance(part, KeyImage) else last if isinstance(part, EndImage) else 0
            placed[at] = call.given.picture(part)
    if not placed:
        return {}
    frames = sorted(placed)
    return {"conditioning_frames": [placed[at] for at in frames], "controlnet_frame_indices": frames}


def _end_free_noise(pipe: Any) -> None:
    """What the pipeline's own `disable_free_noise` does, which fails where no motion is in the middle of the U-Net."""
    pipe._free_noise_context_length = None
    for block in (*pipe.unet.down_blocks, pipe.unet.mid_block, *pipe.unet.up_blocks):
        if hasattr(block, "motion_modules"):
            pipe._disable_free_noise_in_block(block)


def _run(call: Call, arguments: dict[str, Any]) -> Any:
    """Clips longer than a window: noise that repeats, shuffled, and attention joined from windows (FreeNoise)."""
    window = call.card.settings.get("free_noise", 0)
    if not window or call.request.num_frames <= window:
        return call.pipe(**arguments)
    call.pipe.enable_free_noise(context_length=window, context_stride=_STRIDE)
    try:
        return call.pipe(**arguments)
    finally:
        _end_free_noise(call.pipe)


RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {
        "AnimateDiffPipeline": Recipe(ready=_ready, adapters=_moves, run=_run),
        "AnimateDiffControlNetPipeline": Recipe(arguments=_control, ready=_ready, run=_run),
        "AnimateDiffSparseControlNetPipeline": Recipe(
            arguments=_sparse, pipeline=_sparse_pipeline, ready=_ready, adapters=_moves
        ),
    }
)
