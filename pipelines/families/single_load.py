"""A component out of one file of weights: safetensors or GGUF, in the naming of its authors or of diffusers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from accelerate import init_empty_weights
from diffusers import GGUFQuantizationConfig
from diffusers.models.model_loading_utils import load_gguf_checkpoint
from safetensors.torch import load_file
from torch import Tensor, nn

from pipelines.models.parts import Place


def load_one(cls: Any, place: Place, config: Path, dtype: torch.dtype) -> nn.Module:
    """One component of a class of diffusers. config: the folder of its config.json; no hub is asked for another.

    Weights of a GGUF file stay packed and are made whole as they are used. Raises ValueError naming what is missing.
    """
    is_packed = place.path.suffix.lower() == ".gguf"
    read = load_gguf_checkpoint(place.path, return_tensors=True) if is_packed else load_file(place.path)
    tensors = {name[len(place.prefix) :]: value for name, value in read.items() if name.startswith(place.prefix)}
    del read
    if place.layout == "diffusers" and not is_packed:
        model = _as_named(cls, tensors, config)
    else:
        model = _translated(cls, tensors, config, dtype if is_packed else None)
    if is_packed:
        _unpack_all_but_linear(model, dtype)
    else:
        _cast(model, dtype)
    return model.eval().requires_grad_(False)


def _as_named(cls: Any, tensors: dict[str, Tensor], config: Path) -> nn.Module:
    """A model whose tensors are named in the file as in its class."""
    with init_empty_weights():
        model: nn.Module = cls.from_config(cls.load_config(str(config), local_files_only=True))
    model.load_state_dict(tensors, strict=True, assign=True)
    return model


def _translated(cls: Any, tensors: dict[str, Tensor], config: Path, packed: torch.dtype | None) -> nn.Module:
    """A model whose tensors diffusers renames and splits. packed: what it computes in where they stay packed."""
    more = {} if packed is None else {"quantization_config": GGUFQuantizationConfig(compute_dtype=packed)}
    try:
        model: nn.Module = cls.from_single_file(
            tensors, config=str(config), local_files_only=True, torch_dtype=packed, **more
        )
    except NotImplementedError:
        raise ValueError("the file lacks tensors of its component") from None
    return model


def _cast(model: Any, dtype: torch.dtype) -> None:
    """Floats in one precision, but for the layers that the class keeps in 32 bits, as `from_pretrained` does."""
    whole = model._keep_in_fp32_modules
    if not whole:
        model.to(dtype)
        return
    for name, value in model.state_dict(keep_vars=True).items():
        if value.is_floating_point():
            keeps = any(part in name.split(".") for part in whole)
            value.data = value.data.to(torch.float32 if keeps else dtype)


def _unpack_all_but_linear(model: nn.Module, dtype: torch.dtype) -> None:
    """Make whole what no layer can compute with: only linear ones take packed weights, and no packed bias."""
    from diffusers.quantizers.gguf.utils import GGUFLinear, GGUFParameter, dequantize_gguf_tensor

    for module in model.modules():
        for name, value in list(module.named_parameters(recurse=False)):
            if isinstance(value, GGUFParameter) and not (isinstance(module, GGUFLinear) and name == "weight"):
                setattr(module, name, nn.Parameter(dequantize_gguf_tensor(value).to(dtype), requires_grad=False))
