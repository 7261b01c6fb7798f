"""Wan VACE components from a checked folder: stock classes, local files, safetensors, no remote code."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers
from safetensors import SafetensorError

from pipelines.domain.errors import BrokenCheckpoint
from pipelines.families.family import LoadedModel, ModelCard, Setup
from pipelines.families.single_load import load_one
from pipelines.families.wan.configs import KINDS, WEIGHTED
from pipelines.families.wan.fuse import fuse
from pipelines.families.wan.model import WanModel
from pipelines.models.memory import is_out_of_memory
from pipelines.models.placing import load_weights, place, release
from pipelines.models.weights import AGAIN

_BROKEN = (OSError, ValueError, RuntimeError, LookupError, TypeError, AttributeError, SafetensorError)
LIBRARIES = {"diffusers": diffusers, "transformers": transformers}


class WanLoader:
    """Loads components one by one and assembles them; see `pipelines.families.family.Loader`."""

    def __init__(self) -> None:
        quiet: tuple[Any, ...] = (transformers.utils.logging, diffusers.utils.logging)
        for logging in quiet:  # progress is told through OnProgress, not on a worker's terminal
            logging.disable_progress_bar()

    def shares(self, card: ModelCard) -> Mapping[str, Path]:
        places, adapter = card.settings["checkpoint"].places, card.settings["adapter"]
        own = {"transformer": adapter.resolve()} if adapter else {}
        return {name: places[name].path.resolve() for name in places if name != "scheduler"} | own

    def component(self, card: ModelCard, name: str, setup: Setup) -> Any:
        library, _ = KINDS[name]
        cls = getattr(LIBRARIES[library], card.settings["checkpoint"].classes[name])
        place, adapter = card.settings["checkpoint"].places[name], card.settings["adapter"]
        blamed = place.path
        try:
            if name not in WEIGHTED:
                return cls.from_pretrained(place.path, local_files_only=True)
            if place.is_file:
                model = load_one(cls, place, card.settings["base"] / name, _dtype(name, setup))
            else:
                model = load_weights(cls, library, place.path, _dtype(name, setup), setup)
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
        pipe = build(scheduler=scheduler, boundary_ratio=card.settings["checkpoint"].boundary_ratio, **components)
        pipe.set_progress_bar_config(disable=True)
        place(pipe, setup)
        return WanModel(pipe, card, torch.device(setup.device))

    def release(self, component: Any) -> None:
        release(component)


def _scheduler(card: ModelCard, cls: Any) -> Any:
    """The checkpoint's scheduler with the card's own shift, and its last noise level where the card gives one."""
    shift = "shift" if cls is diffusers.FlowMatchEulerDiscreteScheduler else "flow_shift"
    terminal = card.settings["shift_terminal"]
    own = ({shift: card.settings["shift"]} if card.settings["shift"] else {}) | (
        {"shift_terminal": terminal} if terminal else {}
    )
    home = card.settings["checkpoint"].places["scheduler"].path
    return cls.from_config(cls.load_config(home, local_files_only=True), **own)


def _dtype(name: str, setup: Setup) -> torch.dtype:
    """bfloat16 where it is fast; the codec stays in float32 on accelerators, where Wan's authors run it so."""
    if not setup.half or (name == "vae" and setup.device != "cpu"):
        return torch.float32
    return torch.bfloat16
