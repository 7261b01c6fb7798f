"""Wan VACE components from a checked folder: stock classes, local files, safetensors, no remote code."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers
from accelerate.hooks import remove_hook_from_module
from diffusers.hooks.group_offloading import apply_group_offloading
from diffusers.hooks.hooks import HookRegistry
from safetensors import SafetensorError

from pipelines.domain.errors import BrokenCheckpoint
from pipelines.families.family import LoadedModel, ModelCard, Setup
from pipelines.families.wan.configs import CLASSES, STEMS
from pipelines.families.wan.fuse import fuse
from pipelines.families.wan.model import WanModel
from pipelines.models.memory import is_out_of_memory
from pipelines.models.weights import AGAIN

_GROUP_HOOKS = ("layer_execution_tracker", "lazy_prefetch_group_offloading", "group_offloading")
_BROKEN = (OSError, ValueError, RuntimeError, LookupError, TypeError, AttributeError, SafetensorError)
LIBRARIES = {"diffusers": diffusers, "transformers": transformers}


class WanLoader:
    """Loads components one by one and assembles them; see `pipelines.families.family.Loader`."""

    def __init__(self) -> None:
        quiet: tuple[Any, ...] = (transformers.utils.logging, diffusers.utils.logging)
        for logging in quiet:  # progress is told through OnProgress, not on a worker's terminal
            logging.disable_progress_bar()

    def shares(self, card: ModelCard) -> Mapping[str, Path]:
        folder, adapter = card.settings["base"], card.settings["adapter"]
        own = {"transformer": adapter.resolve()} if adapter else {}
        return {name: (folder / name).resolve() for name in CLASSES if name != "scheduler"} | own

    def component(self, card: ModelCard, name: str, setup: Setup) -> Any:
        library, _ = CLASSES[name]
        cls = getattr(LIBRARIES[library], card.settings["checkpoint"].classes[name])
        folder, adapter = card.settings["base"] / name, card.settings["adapter"]
        blamed = folder
        try:
            if name not in STEMS:
                return cls.from_pretrained(folder, local_files_only=True)
            model = _weighted(cls, library, folder, _dtype(name, setup))
            if name == "transformer" and adapter:
                blamed = adapter
                fuse(model, adapter)
            return model
        except _BROKEN as error:
            if is_out_of_memory(error):
                raise
            raise BrokenCheckpoint(f"The {name} of {blamed} cannot be loaded ({str(error)[:300]}).", AGAIN) from error

    def assemble(self, card: ModelCard, components: Mapping[str, Any], setup: Setup) -> LoadedModel:
        cls = getattr(diffusers, card.settings["checkpoint"].classes["scheduler"])
        scheduler = _scheduler(card, cls)
        build: Any = diffusers.WanVACEPipeline
        pipe = build(scheduler=scheduler, **components)
        pipe.set_progress_bar_config(disable=True)
        _place(pipe, setup)
        return WanModel(pipe, card, torch.device(setup.device))

    def release(self, component: Any) -> None:
        if isinstance(component, torch.nn.Module):
            remove_hook_from_module(component, recurse=True)
            registry = HookRegistry.check_if_exists_or_initialize(component)
            for name in _GROUP_HOOKS:
                registry.remove_hook(name, recurse=True)
            component.to("cpu")


def _scheduler(card: ModelCard, cls: Any) -> Any:
    """The checkpoint's scheduler with the card's own shift, and its last noise level where the card gives one."""
    shift = "shift" if cls is diffusers.FlowMatchEulerDiscreteScheduler else "flow_shift"
    terminal = card.settings["shift_terminal"]
    own = {shift: card.settings["shift"]} | ({"shift_terminal": terminal} if terminal else {})
    return cls.from_config(cls.load_config(card.settings["base"] / "scheduler", local_files_only=True), **own)


def _dtype(name: str, setup: Setup) -> torch.dtype:
    """bfloat16 where it is fast; the codec stays in float32 on accelerators, where Wan's authors run it so."""
    if not setup.half or (name == "vae" and setup.device != "cpu"):
        return torch.float32
    return torch.bfloat16


def _weighted(cls: Any, library: str, folder: Path, dtype: torch.dtype) -> Any:
    named = {"dtype": dtype} if library == "transformers" else {"torch_dtype": dtype}
    model, info = cls.from_pretrained(
        folder, local_files_only=True, use_safetensors=True, output_loading_info=True, **named
    )
    lacking = sorted(info.get("missing_keys") or ()) + sorted(map(str, info.get("mismatched_keys") or ()))
    if lacking:
        raise ValueError(f"its weights lack {len(lacking)} tensors of its config, such as {lacking[0]}")
    return model.eval().requires_grad_(False)


def _place(pipe: Any, setup: Setup) -> None:
    if setup.tiled:
        pipe.vae.enable_tiling()
    else:
        pipe.vae.disable_tiling()
    match setup.placement:
        case "resident":
            pipe.to(setup.device)
        case "model_offload":
            pipe.enable_model_cpu_offload(device=setup.device)
        case "group_offload":
            pipe.vae.to(setup.device)
            _group_offload(pipe.text_encoder, setup.device, streamed=False)
            _group_offload(pipe.transformer, setup.device, streamed=setup.device.startswith("cuda"))


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
