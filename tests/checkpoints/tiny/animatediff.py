"""AnimateDiff in small: put together from a base model, a motion adapter and a control branch, with motion LoRA."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import diffusers
import torch
from diffusers import (
    ControlNetModel,
    DDIMScheduler,
    MotionAdapter,
    SparseControlNetModel,
    UNet2DConditionModel,
    UNetMotionModel,
)
from safetensors.torch import save_file

from pipelines.families.animatediff.moves import MOVES
from pipelines.families.family import ModelCard
from tests.checkpoints.tiny.common import WIDTH, clip_text, image_codec, tokenizer

_LEVELS = (8, 16)
_DOWN = {"block_out_channels": _LEVELS, "layers_per_block": 1, "norm_num_groups": 4, "cross_attention_dim": WIDTH}
_FLAT = {**_DOWN, "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"), "attention_head_dim": 2}
_MOVING = {**_DOWN, "down_block_types": ("CrossAttnDownBlockMotion", "DownBlockMotion"), "attention_head_dim": 2}
_ADAPTER = {
    "block_out_channels": _LEVELS,
    "motion_layers_per_block": 1,
    "motion_num_attention_heads": 2,
    "motion_norm_num_groups": 4,
    "use_motion_mid_block": False,
}


def _write(folder: Path, card: ModelCard) -> Mapping[str, Any]:
    name = card.settings["pipeline"]
    unet = UNet2DConditionModel(**_FLAT, up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"))
    parts: dict[str, Any] = {}
    if name == "AnimateDiffControlNetPipeline":
        parts["controlnet"] = ControlNetModel(**_FLAT, conditioning_embedding_out_channels=(8, 8))
    elif name == "AnimateDiffSparseControlNetPipeline":
        embedding = {"conditioning_channels": 4, "conditioning_embedding_out_channels": (8, 8)}
        parts["controlnet"] = SparseControlNetModel(**_MOVING, **embedding, motion_num_attention_heads=2)
    motion = MotionAdapter(**_ADAPTER)
    for branch in parts.values():
        _wake(branch)
    _wake(motion)
    build: Any = getattr(diffusers, name)
    pipe = build(
        vae=image_codec(),
        text_encoder=clip_text(),
        tokenizer=tokenizer(77, begins=True),
        unet=UNetMotionModel.from_unet2d(unet, motion),
        motion_adapter=motion,
        scheduler=DDIMScheduler(beta_schedule="linear", clip_sample=False),
        **parts,
    )
    pipe.save_pretrained(folder, safe_serialization=True)
    _write_moves(folder, pipe.unet)
    return {"sizes": [[32, 16]], "lengths": [3]}


def _wake(branch: torch.nn.Module) -> None:
    """Control branches and motion begin with zeros, which would change nothing."""
    for parameter in branch.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.3)


def _write_moves(folder: Path, unet: torch.nn.Module) -> None:
    tensors = {}
    for name, module in unet.named_modules():
        if "motion_modules" in name and name.endswith("to_q") and isinstance(module, torch.nn.Linear):
            rows, columns = module.weight.shape
            tensors[f"unet.{name}.lora_A.weight"] = torch.randn(2, columns)
            tensors[f"unet.{name}.lora_B.weight"] = torch.randn(rows, 2)
    for move in MOVES:
        home = folder / "motion_lora" / move
        home.mkdir(parents=True)
        save_file(tensors, home / "diffusion_pytorch_model.safetensors")


WRITERS = dict.fromkeys(
    ("AnimateDiffPipeline", "AnimateDiffControlNetPipeline", "AnimateDiffSparseControlNetPipeline"), _write
)
