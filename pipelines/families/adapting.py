"""LoRA on an assembled pipeline: put on for one clip, taken off again, and refused where they do not fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file

from pipelines.domain.errors import BrokenCheckpoint
from pipelines.families.family import Adapter

_BROKEN = (OSError, ValueError, RuntimeError, LookupError, TypeError, AttributeError, SafetensorError)
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
        try:
            self._pipe.load_lora_weights(load_file(adapter.path), adapter_name=name)
            known = {each for names in self._pipe.get_list_adapters().values() for each in names}
            if name not in known:
                raise ValueError("none of its tensors belongs to a layer of this model")
        except _BROKEN as error:
            self._pipe.unload_lora_weights()
            message = f"{adapter.path.name} does not fit the model {self._title} ({str(error)[:200]})."
            raise BrokenCheckpoint(message, _FOREIGN) from None
