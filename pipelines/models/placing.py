"""Components in memory and on their device: read from a checked folder, placed as a setup says, and taken off again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from accelerate.hooks import remove_hook_from_module
from diffusers.hooks.group_offloading import apply_group_offloading
from diffusers.hooks.hooks import HookRegistry

from pipelines.families.family import Setup

_GROUP_HOOKS = ("layer_execution_tracker", "lazy_prefetch_group_offloading", "group_offloading")
_DENOISERS = ("transformer", "transformer_2", "unet")


def load_weights(cls: Any, library: str, folder: Path, dtype: torch.dtype, setup: Setup, variant: str = "") -> Any:
    """One weighted component of a stock class, from local safetensors only, with every tensor its config asks for.

    variant: "fp16" reads the files named so. Raises ValueError naming what is missing.
    """
    named: dict[str, Any] = {"dtype": dtype} if library == "transformers" else {"torch_dtype": dtype}
    if variant:
        named["variant"] = variant
    model, info = cls.from_pretrained(
        folder, local_files_only=True, use_safetensors=True, output_loading_info=True, **named
    )
    lacking = sorted(info.get("missing_keys") or ()) + sorted(map(str, info.get("mismatched_keys") or ()))
    if lacking:
        raise ValueError(f"its weights lack {len(lacking)} tensors of its config, such as {lacking[0]}")
    return model.eval().requires_grad_(False)


def place(pipe: Any, setup: Setup) -> None:
    """Put a pipeline's components where `setup` says, whatever their names."""
    vae = getattr(pipe, "vae", None)
    switch = getattr(vae, "enable_tiling" if setup.tiled else "disable_tiling", None)
    if switch is not None:
        switch()
    match setup.placement:
        case "resident":
            pipe.to(setup.device)
        case "model_offload":
            pipe.enable_model_cpu_offload(device=setup.device)
        case "group_offload":
            _stream_layers(pipe, setup.device)


def release(component: Any) -> None:
    """Take a component off its device and out of every hook that `place` put on it."""
    if isinstance(component, torch.nn.Module):
        remove_hook_from_module(component, recurse=True)
        registry = HookRegistry.check_if_exists_or_initialize(component)
        for name in _GROUP_HOOKS:
            registry.remove_hook(name, recurse=True)
        component.to("cpu")


def _stream_layers(pipe: Any, device: str) -> None:
    """The denoiser and the text encoders layer by layer, all else (the codec, small encoders) on the device."""
    for name, part in pipe.components.items():
        if not isinstance(part, torch.nn.Module):
            continue
        if name in _DENOISERS:
            _group_offload(part, device, streamed=device.startswith("cuda"))
        elif name.startswith("text_encoder"):
            _group_offload(part, device, streamed=False)
        else:
            part.to(device)


def _group_offload(module: Any, device: str, streamed: bool) -> None:
    """One layer at a time on the device; streamed: the next one is copied meanwhile.

    A component that another model shares has these hooks already, and they serve both.
    """
    registries = (getattr(part, "_diffusers_hook", None) for part in module.modules())
    if any(registry is not None and registry.get_hook(_GROUP_HOOKS[-1]) for registry in registries):
        return
    apply_group_offloading(
        module,
        onload_device=torch.device(device),
        offload_device=torch.device("cpu"),
        offload_type="leaf_level",
        use_stream=streamed,
    )
