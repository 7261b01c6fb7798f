"""What a path is that holds no checkpoint Gimbal could use, in words, with the next step."""

from __future__ import annotations

import re
from importlib import metadata
from pathlib import Path

from pipelines.domain.errors import BrokenCheckpoint
from pipelines.models.comfy import comfy_models
from pipelines.models.lora_keys import read_lora
from pipelines.models.weights import PICKLES, read_json, read_shapes

_LAYOUT = "Choose the folder of a checkpoint in diffusers layout, or fetch one: launch.py models pull MODEL."
_SINGLE = (
    "Transformers of Wan, LTX-Video, HunyuanVideo and CogVideoX and the codec of Wan 2.1 can be single files; "
    "else choose the folder of a checkpoint in diffusers layout."
)


def refusal(path: Path) -> BrokenCheckpoint:
    """Why `path` is not offered as a model: a LoRA, a single file, a pickle, ComfyUI's folders, or nothing known."""
    if path.is_file():
        return _of_file(path)
    if not path.exists():
        return BrokenCheckpoint(f"There is no {path}.", _LAYOUT)
    models = comfy_models(path)
    if models is not None:
        message = f"{path} is ComfyUI's, whose single files are added one by one or with their folder."
        hint = f"launch.py models add {path}; for its LoRA: launch.py models lora {models / 'loras'}"
        return BrokenCheckpoint(message, hint)
    return BrokenCheckpoint(f"{path} holds no model_index.json.", _LAYOUT)


def newer_library(folder: Path) -> str:
    """A hint where a checkpoint was written by a newer diffusers than the one here; empty else."""
    try:
        wrote = str(read_json(folder / "model_index.json").get("_diffusers_version", ""))
    except BrokenCheckpoint:
        return ""
    here = metadata.version("diffusers")
    if _numbers(wrote) > _numbers(here):
        return f"It was written by diffusers {wrote[:40]}; here is {here}, so it may need a newer Gimbal."
    return ""


def _of_file(path: Path) -> BrokenCheckpoint:
    ending = path.suffix.lower()
    if ending in PICKLES:
        message = f"{path} is a pickle, which can run any code when it is loaded."
        return BrokenCheckpoint(message, "Use the same model in safetensors.")
    if ending == ".gguf":
        return BrokenCheckpoint(f"{path} is a GGUF file of no model that Gimbal loads from one.", _SINGLE)
    if ending != ".safetensors":
        return BrokenCheckpoint(f"{path} is no model.", _LAYOUT)
    try:
        shapes = read_shapes(path)
    except BrokenCheckpoint as error:
        return error
    try:
        facts = read_lora(path)
    except BrokenCheckpoint:
        message = f"{path} is a single file of {len(shapes)} tensors, of no model that Gimbal loads from one."
        return BrokenCheckpoint(message, _SINGLE)
    return BrokenCheckpoint(f"{path} is a LoRA for {facts.base}.", f"Keep it: launch.py models lora {path}")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])
