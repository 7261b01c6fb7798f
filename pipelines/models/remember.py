"""Text embeddings kept by prompt: the same words to the same encoder are encoded once. Needs torch.

Works around any encoder, whatever its arguments and outputs, below the pipeline's own handling of prompts and above
every hook that moves weights: a remembered prompt does not bring the encoder to the device at all.
"""

from __future__ import annotations

import dataclasses
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

LIMIT_BYTES = 256 * 2**20
_PLACE = "_gimbal_remembered"


class Remembered:
    """The outputs of one encoder by its exact inputs, the least recently used dropped beyond `limit_bytes`.

    Outputs are kept in main memory and handed out as copies on the device of the inputs, to the bit as they were.
    """

    def __init__(self, limit_bytes: int = LIMIT_BYTES) -> None:
        self._limit = limit_bytes
        self._kept: OrderedDict[Any, tuple[Any, int]] = OrderedDict()
        self.bytes = 0
        self.hits = 0

    def get(self, key: Any, device: torch.device, make: Callable[[], Any]) -> Any:
        """The output kept under `key`, or that of `make`, which is then kept."""
        if key in self._kept:
            self._kept.move_to_end(key)
            self.hits += 1
            return _mapped(self._kept[key][0], lambda tensor: tensor.to(device, copy=True))
        made = make()
        self._keep(key, made)
        return made

    def _keep(self, key: Any, made: Any) -> None:
        sizes: list[int] = []
        copy = _mapped(made, lambda tensor: _noted(tensor, sizes).to("cpu", copy=True))
        if sum(sizes) > self._limit:
            return
        self._kept[key] = copy, sum(sizes)
        self.bytes += sum(sizes)
        while self.bytes > self._limit:
            _, (_, size) = self._kept.popitem(last=False)
            self.bytes -= size


def remember(encoder: nn.Module, limit_bytes: int = LIMIT_BYTES) -> Remembered:
    """Have an encoder remember what it made; a second call changes nothing but puts it above newer hooks."""
    kept: Remembered = getattr(encoder, _PLACE, None) or Remembered(limit_bytes)
    forget(encoder, entirely=False)
    inner = encoder.forward

    def forward(*positional: Any, **named: Any) -> Any:
        if encoder.training or torch.is_grad_enabled() or not _is_plain(encoder):
            return inner(*positional, **named)
        given = (positional, named)
        key = _key(given), str(next((p.dtype for p in encoder.parameters()), None)), _state(encoder)
        device = _device(given)
        return kept.get(key, device, lambda: inner(*positional, **named))

    object.__setattr__(encoder, _PLACE, kept)
    forward.__dict__["inner"] = inner
    encoder.forward = forward
    return kept


def forget(encoder: nn.Module, entirely: bool = True) -> None:
    """Take the memory off an encoder's calls; entirely: also drop what is kept."""
    current = encoder.__dict__.get("forward")
    inner = getattr(current, "inner", None)
    if inner is not None:
        if getattr(inner, "__self__", None) is encoder and getattr(inner, "__func__", None) is type(encoder).forward:
            del encoder.__dict__["forward"]
        else:
            encoder.forward = inner
    if entirely:
        encoder.__dict__.pop(_PLACE, None)


def _is_plain(encoder: nn.Module) -> bool:
    """Whether an encoder is as it was loaded, without layers that others put over it and turn on and off."""
    return not any("lora_" in name for name, _ in encoder.named_parameters())


def _state(encoder: nn.Module) -> tuple[int, int]:
    """Numbers that change when weights are changed in place or words are added."""
    parameters = list(encoder.parameters())
    changes = sum(parameter._version for parameter in parameters if not parameter.is_inference())
    return changes, sum(parameter.numel() for parameter in parameters)


def _key(value: Any) -> Any:
    """A hashable form of arguments; a tensor is its bytes."""
    if isinstance(value, Tensor):
        plain = value.detach().cpu().contiguous()
        return tuple(plain.shape), str(plain.dtype), plain.view(torch.uint8).numpy().tobytes() if plain.numel() else b""
    if isinstance(value, Mapping):
        return tuple((name, _key(item)) for name, item in sorted(value.items()))
    if isinstance(value, tuple | list):
        return tuple(_key(item) for item in value)
    return value if isinstance(value, int | float | str | bool | None) else repr(value)


def _device(value: Any) -> torch.device:
    """The device of the first tensor among arguments."""
    if isinstance(value, Tensor):
        return value.device
    items = value.values() if isinstance(value, Mapping) else value if isinstance(value, tuple | list) else ()
    found = (_device(item) for item in items if isinstance(item, Tensor | Mapping | tuple | list))
    return next(found, torch.device("cpu"))


def _noted(tensor: Tensor, sizes: list[int]) -> Tensor:
    sizes.append(tensor.numel() * tensor.element_size())
    return tensor


def _mapped(value: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """An output of the same shape with every tensor changed, whatever holds them."""
    if isinstance(value, Tensor):
        return change(value)
    if isinstance(value, Mapping):
        parts = {name: _mapped(item, change) for name, item in value.items()}
        return type(value)(**parts) if dataclasses.is_dataclass(value) else parts
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(_mapped(item, change) for item in value))
    if isinstance(value, tuple | list):
        return type(value)(_mapped(item, change) for item in value)
    return value
