"""The LoRA of a folder that changes a Wan VACE checkpoint, as untrusted input: checked without loading a weight."""

from __future__ import annotations

import re
from pathlib import Path

from pipelines.domain.errors import BrokenCheckpoint
from pipelines.families.wan.configs import WanFolder
from pipelines.models.weights import component_weights, inside, read_shapes

_SUFFIX = ".safetensors"
_FOREIGN = "Use a LoRA that was made for this base model."
_OWN = re.compile(r"transformer\.(?P<layer>.+)\.lora_(?P<half>[AB])\.(?P<kind>weight|bias)")
Shapes = dict[str, tuple[int, ...]]


def check_adapter(folder: Path, name: str, base: WanFolder) -> Path:
    """The adapter file, whose header fits the base's transformer. Raises BrokenCheckpoint naming file and remedy.

    Files in diffusers' own naming are checked tensor by tensor; other trainers' names are translated, and checked, when
    the weights are loaded.
    """
    if not name:
        raise BrokenCheckpoint(f"{folder} names no adapter in its gimbal.json.", 'Add "adapter": "FILE.safetensors".')
    if not name.endswith(_SUFFIX):
        message = f"{folder} names {name} as its adapter, which is no safetensors file."
        raise BrokenCheckpoint(message, "Other formats can run any code when loaded; use a LoRA in safetensors.")
    path = inside(folder, name)
    size = component_weights(folder, name.removesuffix(_SUFFIX)).file_bytes
    limit = base.weights["transformer"].file_bytes
    if size > limit:
        message = f"{path} has {size:,} bytes, more than the {limit:,} of the transformer that it changes."
        raise BrokenCheckpoint(message, _FOREIGN)
    _check_layers(path, read_shapes(path), base)
    return path


def _check_layers(path: Path, shapes: Shapes, base: WanFolder) -> None:
    if not any("lora" in name for name in shapes):
        raise BrokenCheckpoint(f"{path} holds no LoRA (no tensor is named so).", _FOREIGN)
    if not all(name.startswith("transformer.") for name in shapes):
        return
    known = {name: shape for file in base.weights["transformer"].files for name, shape in read_shapes(file).items()}
    for name, shape in shapes.items():
        _check_half(path, name, shape, known)


def _check_half(path: Path, name: str, shape: tuple[int, ...], known: Shapes) -> None:
    """One half of a low-rank update: A is (rank, inputs...), B is (outputs, rank...), a bias is (outputs,)."""
    found = _OWN.fullmatch(name)
    weight = known.get(f"{found['layer']}.weight") if found else None
    if found is None or weight is None:
        raise BrokenCheckpoint(f"{path} changes {name[:120]}, which the base model has not.", _FOREIGN)
    if found["kind"] == "bias":
        fits = found["half"] == "B" and shape == weight[:1]
    elif found["half"] == "A":
        fits = len(shape) == len(weight) and shape[1:] == weight[1:]
    else:
        fits = len(shape) == len(weight) and shape[:1] == weight[:1]
    if not fits:
        raise BrokenCheckpoint(f"{path}: {name[:120]} of shape {list(shape)} does not fit {list(weight)}.", _FOREIGN)
