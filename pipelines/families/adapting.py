"""LoRA on an assembled pipeline: put on for one clip, taken off again, and refused where they do not fit."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor, nn

from pipelines.domain.errors import BrokenCheckpoint, MediaError
from pipelines.families.family import Adapter
from pipelines.models.lora_layouts import Shapes, read_layout
from pipelines.models.memory import is_out_of_memory

_BROKEN = (OSError, ValueError, RuntimeError, LookupError, TypeError, AttributeError, SafetensorError)
_PLAIN = re.compile(r"transformer\.(?P<layer>.+)\.lora_[AB]\.(weight|bias)")
_FOREIGN = "Use a LoRA that was made for this base model."


class Adapting:
    """The LoRA of one pipeline. title: how the model is called in messages."""

    def __init__(self, pipe: Any, title: str) -> None:
        self._pipe, self._title = pipe, title
        self._on: tuple[Adapter, ...] = ()

    def adapt(self, adapters: Sequence[Adapter]) -> None:
        """Change the model by these and no others; none = as it was.

        Raises BrokenCheckpoint where one does not fit; the model is then as it was.
        """
        wanted = tuple(adapters)
        if wanted == self._on:
            return
        if self._on:
            self._pipe.unload_lora_weights()
            self._on = ()
        names = [f"gimbal_{number}" for number in range(len(wanted))]
        for name, adapter in zip(names, wanted, strict=True):
            self._load(adapter, name)
        if wanted:
            self._pipe.set_adapters(names, [adapter.strength for adapter in wanted])
        self._on = wanted

    def _load(self, adapter: Adapter, name: str) -> None:
        reason = ""
        try:
            try:
                given = _in_our_names(adapter.path, _layers(self._pipe))
            except MediaError as error:  # diffusers knows some layouts that are not among ours
                given, reason = None, error.message
            self._put_on(adapter.path if given is None else given, name)
        except _BROKEN as error:
            self._pipe.unload_lora_weights()
            if is_out_of_memory(error):
                raise
            called = adapter.title or adapter.path.name
            message = f"{called} does not fit the model {self._title} ({reason or str(error)[:200]})."
            raise BrokenCheckpoint(message, _FOREIGN) from None

    def _put_on(self, given: Path | dict[str, Tensor], name: str) -> None:
        """By diffusers itself; a file rather than its tensors, so that the scale in its metadata counts."""
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Already found a `peft_config`")  # several at once are meant here
            if isinstance(given, Path):
                folder, file = str(given.parent), given.name
                self._pipe.load_lora_weights(folder, weight_name=file, adapter_name=name, local_files_only=True)
            else:
                self._pipe.load_lora_weights(given, adapter_name=name)
        known = {each for names in self._pipe.get_list_adapters().values() for each in names}
        if name not in known:
            raise ValueError("none of its tensors belongs to a layer of this model")


def _in_our_names(path: Path, base: Shapes) -> dict[str, Tensor] | None:
    """The tensors of a LoRA as diffusers names them, their scale folded in; None for a file that is so already.

    Raises MediaError where its layout is not known.
    """
    with safe_open(path, framework="pt") as file:
        names = list(file.keys())
    if not base or all(_is_ours(name, base) for name in names):
        return None
    tensors = load_file(path)
    scalars = {name: float(tensor) for name, tensor in tensors.items() if tensor.numel() == 1}
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    layout = read_layout(shapes, base, scalars, path.name)
    return {new: tensors[old] * layout.scale(new) for old, new in layout.names.items()}


def _is_ours(name: str, base: Shapes) -> bool:
    """Whether a tensor is a half of a change of one of our layers, as diffusers names it."""
    found = _PLAIN.fullmatch(name)
    return found is not None and f"{found['layer']}.weight" in base


def _layers(pipe: Any) -> Shapes:
    """The weights of a transformer by name, whatever lies over them; {} without a transformer."""
    transformer = getattr(pipe, "transformer", None)
    if transformer is None:
        return {}
    shapes: dict[str, tuple[int, ...]] = {}
    for name, module in transformer.named_modules():
        if isinstance(module, nn.Linear):
            shapes[f"{name.removesuffix('.base_layer')}.weight"] = (module.out_features, module.in_features)
        elif isinstance(module, nn.Conv2d | nn.Conv3d):
            shapes[f"{name.removesuffix('.base_layer')}.weight"] = tuple(module.weight.shape)
    return {name: shape for name, shape in shapes.items() if ".lora_" not in name}
