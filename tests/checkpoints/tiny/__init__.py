"""Tiny checkpoints of the true classes with seeded random weights, one module per family, written once per session.

Each module has WRITERS: pipeline class -> a function that writes such a checkpoint into a folder and returns what its
gimbal.json says of sizes and lengths (the rest is the card's own).
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

from pipelines.families.family import ModelCard

Writer = Callable[[Path, ModelCard], Mapping[str, Any]]


def write(home: Path, card: ModelCard) -> Path:
    """The folder of a tiny checkpoint that bears the card's name; equal ones are built once and copied."""
    module = import_module(f"{__name__}.{card.family}")
    writer: Writer = module.WRITERS[card.settings["pipeline"]]
    key = getattr(module, "variant", lambda card: "")(card)
    built = home / "built" / f"{card.settings['pipeline']}{key}"
    if not built.exists():
        torch.manual_seed(0)
        about = writer(built, card)
        told = {"version": 1, "title": card.title, "steps": {"low": 1, "high": 20, "default": 2}, **about}
        (built / "gimbal.json").write_text(json.dumps(told))
    return Path(shutil.copytree(built, home / card.id))
