"""Components in memory and on their device: read from a checked folder, placed as a setup says, and taken off again.

All of it by stock calls of diffusers on whatever pipeline comes, so that every family has every placement.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import torch
from accelerate.hooks import remove_hook_from_module
from diffusers.hooks import apply_layerwise_casting
from diffusers.hooks.group_offloading import apply_group_offloading
from diffusers.hooks.hooks import HookRegistry
from torch import nn

from pipelines.families.family import Attention, Setup, Storage
from pipelines.models.remember import forget, remember

DENOISERS = ("transformer", "transformer_2", "unet")
_GROUP_HOOKS = ("layer_execution_tracker", "lazy_prefetch_group_offloading", "group_offloading")
_WHOLE = ("pos_embed", "patch_embed", "norm", "^proj_in$", "^proj_out$", "lora", "time", "condition_embedder")


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


def store(denoiser: nn.Module, storage: Storage, half: bool) -> None:
    """Keep a denoiser's large weights in fewer bits from now on; it computes in its own precision all the same.

    fp8: rounded to 8-bit floats, made whole again layer by layer. int8, int4: by torchao, or quanto where that is
    missing. Small and sensitive layers (norms, first and last projections, time and condition embeddings) stay whole.
    """
    match storage:
        case "whole":
            return
        case "fp8":
            dtype = torch.bfloat16 if half else torch.float32
            apply_layerwise_casting(
                denoiser, storage_dtype=torch.float8_e4m3fn, compute_dtype=dtype, skip_modules_pattern=_WHOLE
            )
        case "int8" | "int4":
            _quantize(denoiser, storage)


def place(pipe: Any, setup: Setup) -> None:
    """Put a pipeline's components where `setup` says, whatever their names, and set how they compute."""
    encoders = [part for name, part in _modules(pipe) if name.startswith("text_encoder")]
    for encoder in encoders:
        forget(encoder, entirely=False)
    for feature in ("tiling", "slicing"):
        switch = getattr(getattr(pipe, "vae", None), f"{'enable' if setup.tiled else 'disable'}_{feature}", None)
        if switch is not None:
            switch()
    match setup.placement:
        case "resident":
            pipe.to(setup.device)
        case "model_offload":
            pipe.enable_model_cpu_offload(device=setup.device)
        case "group_offload" | "disk_offload":
            _stream_layers(pipe, setup)
    for name, part in _modules(pipe):
        if name in DENOISERS:
            _set_computing(part, setup)
    for encoder in encoders:
        remember(encoder)


def release(component: Any) -> None:
    """Take a component off its device and out of everything that `place` put on it."""
    if isinstance(component, nn.Module):
        forget(component, entirely=False)
        remove_hook_from_module(component, recurse=True)
        registry = HookRegistry.check_if_exists_or_initialize(component)
        for name in _GROUP_HOOKS:
            registry.remove_hook(name, recurse=True)
        _uncompile(component)
        component.to("cpu")


def _modules(pipe: Any) -> list[tuple[str, nn.Module]]:
    return [(name, part) for name, part in pipe.components.items() if isinstance(part, nn.Module)]


def _stream_layers(pipe: Any, setup: Setup) -> None:
    """The denoiser and the text encoders layer by layer, all else (the codec, small encoders) on the device."""
    for name, part in _modules(pipe):
        if name in DENOISERS:
            _group_offload(part, setup, streamed=setup.device.startswith("cuda"))
        elif name.startswith("text_encoder"):
            streamed = setup.placement == "disk_offload" and setup.device.startswith("cuda")
            _group_offload(part, setup, streamed=streamed)
        else:
            part.to(setup.device)


def _group_offload(module: nn.Module, setup: Setup, streamed: bool) -> None:
    """One layer at a time on the device; streamed: the next one is copied meanwhile.

    Unpinned, what waits stays the mapped file that it was loaded from, which the system may drop and read again. A
    component that another model shares has these hooks already, and they serve both.
    """
    registries = (getattr(part, "_diffusers_hook", None) for part in module.modules())
    if any(registry is not None and registry.get_hook(_GROUP_HOOKS[-1]) for registry in registries):
        return
    apply_group_offloading(
        module,
        onload_device=torch.device(setup.device),
        offload_device=torch.device("cpu"),
        offload_type="leaf_level",
        use_stream=streamed,
        record_stream=streamed,
        low_cpu_mem_usage=streamed and not setup.pinned,
    )


def usable(wanted: Attention) -> Attention:
    """`wanted` where diffusers can use what is installed for it (it refuses old packages), else torch's own."""
    from diffusers.models.attention_dispatch import AttentionBackendName, _check_attention_backend_requirements

    try:
        _check_attention_backend_requirements(AttentionBackendName(wanted))
    except (RuntimeError, ValueError):
        return "native"
    return wanted


def _set_computing(denoiser: Any, setup: Setup) -> None:
    """The attention backend and regional compilation. The backend is global and sticky, so it is always set."""
    if hasattr(denoiser, "set_attention_backend"):
        logger = logging.getLogger("diffusers.models.modeling_utils")
        level = logger.level
        logger.setLevel(logging.ERROR)  # each call warns that backends are an experiment
        try:
            denoiser.set_attention_backend(setup.attention)
        finally:
            logger.setLevel(level)
    if not (setup.compiled and getattr(denoiser, "_repeated_blocks", None)):
        _uncompile(denoiser)
    elif not any(_is_compiled(part) for part in denoiser.modules()):
        denoiser.compile_repeated_blocks(fullgraph=False, dynamic=False)  # for each shape anew, as quick as can be


def _is_compiled(module: nn.Module) -> bool:
    return getattr(module, "_compiled_call_impl", None) is not None


def _uncompile(module: nn.Module) -> None:
    for part in module.modules():
        if _is_compiled(part):
            part._compiled_call_impl = None


def _quantize(denoiser: nn.Module, storage: Storage) -> None:
    """Rounded linear layers by what is installed. Raises ImportError where nothing is."""
    chosen = [name for name, part in denoiser.named_modules() if isinstance(part, nn.Linear) and is_large(name)]
    if storage == "int8":
        try:
            from torchao.quantization import Int8WeightOnlyConfig, quantize_

            quantize_(denoiser, Int8WeightOnlyConfig(), filter_fn=lambda _, name: name in chosen)
            return
        except ImportError:
            pass
    from optimum.quanto import freeze, qint4, qint8, quantize

    quantize(denoiser, weights=qint8 if storage == "int8" else qint4, include=chosen)
    freeze(denoiser)


def is_large(name: str) -> bool:
    """Whether the layer of that name may lie in fewer bits."""
    return not any(word.strip("^$") in name for word in _WHOLE)
