"""Put a LoRA into a transformer's own weights: W + scale * B A (Hu et al., "LoRA", 2021), once, before anything runs.

Fused weights run at the speed of the base and need nothing besides. The file is untrusted: of its metadata only the
rank and its scale are read, and a tensor that fits no layer is an error, never passed over.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import diffusers
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor, nn

_NAME = re.compile(r"transformer\.(.+)\.lora_(A\.weight|B\.weight|B\.bias)")
_UNSERVED = ("use_dora", "use_rslora", "alpha_pattern", "rank_pattern", "modules_to_save", "lora_bias")


@torch.no_grad()
def fuse(transformer: nn.Module, path: Path) -> None:
    """Change `transformer` by the LoRA at `path`. Raises ValueError when they do not fit together.

    Names of other trainers (the original Wan code's, kohya's) are translated by diffusers first.
    """
    modules = dict(transformer.named_modules())
    scale = _scale(path)
    for layer, parts in _layers(path).items():
        module = modules.get(layer)
        if not isinstance(module, nn.Linear | nn.Conv3d):
            raise ValueError(f"it changes {layer[:120]}, which the base model has not")
        _change(layer, module, parts, scale)


def _layers(path: Path) -> dict[str, dict[str, Tensor]]:
    """The parts "A.weight", "B.weight" and, where there is one, "B.bias" of each layer."""
    translate: Any = diffusers.WanVACEPipeline.lora_state_dict
    layers: dict[str, dict[str, Tensor]] = {}
    for name, value in translate(load_file(path)).items():
        found = _NAME.fullmatch(name)
        if found is None:
            raise ValueError(f"the tensor {name[:120]} is no part of a LoRA for this kind of model")
        layers.setdefault(found[1], {})[found[2]] = value
    return layers


def _change(layer: str, module: nn.Linear | nn.Conv3d, parts: Mapping[str, Tensor], scale: float) -> None:
    if not {"A.weight", "B.weight"} <= parts.keys():
        raise ValueError(f"of {layer[:120]} it has one half only")
    down, up = parts["A.weight"].flatten(1).float(), parts["B.weight"].flatten(1).float()
    weight = module.weight
    if (up.shape[0], down.shape[1], up.shape[1]) != (weight.shape[0], weight[0].numel(), down.shape[0]):
        raise ValueError(f"{layer[:120]} is {list(weight.shape)}, its update {list(up.shape)} times {list(down.shape)}")
    _add(layer, weight, scale * (up @ down).view_as(weight))
    if "B.bias" in parts:
        if module.bias is None or module.bias.shape != parts["B.bias"].shape:
            raise ValueError(f"{layer[:120]} has no bias like the one that it changes")
        _add(layer, module.bias, scale * parts["B.bias"].float())


def _add(layer: str, weight: Tensor, change: Tensor) -> None:
    if not torch.isfinite(change).all():
        raise ValueError(f"its numbers for {layer[:120]} are not finite")
    weight.copy_(weight.float() + change)


def _scale(path: Path) -> float:
    """The factor that the file's metadata asks for, 1 where they are silent."""
    with safe_open(path, "pt") as file:
        told = json.loads((file.metadata() or {}).get("lora_adapter_metadata", "{}"))
    asked = {key.removeprefix("transformer."): value for key, value in told.items() if value}
    unserved = [key for key in _UNSERVED if key in asked]
    if unserved:
        raise ValueError(f"it asks for {unserved[0]}, which is not served")
    rank, alpha = asked.get("r", 1), asked.get("lora_alpha", asked.get("r", 1))
    if not all(isinstance(value, int | float) and 0 < value < 1e6 for value in (rank, alpha)):
        raise ValueError("its metadata name no sensible rank and scale")
    return float(alpha) / float(rank)
