"""Folders that change another model: a small adapter file and the name of the checkpoint folder beside it.

Such a folder has no model_index.json; its gimbal.json names the base and the adapter:

    {"version": 1, "title": "...", "base": "Wan2.1-VACE-1.3B-diffusers", "adapter": "four-steps.safetensors", ...}

The base is a folder in the same place, named without a path, so that a downloaded folder cannot point anywhere else.
"""

from __future__ import annotations

from pathlib import Path
from typing import TypeGuard

from pipelines.domain.errors import BrokenCheckpoint
from pipelines.models.weights import read_json

ABOUT = "gimbal.json"
INDEX = "model_index.json"


def is_tuned(folder: Path) -> bool:
    """Whether a folder has something to tell but is no checkpoint of its own."""
    return (folder / ABOUT).is_file() and not (folder / INDEX).is_file()


def base_folder(folder: Path) -> Path | None:
    """The checkpoint folder that `folder` changes; None where it is a checkpoint itself.

    Raises BrokenCheckpoint when the name is missing, is no plain name of a folder, or names none that is there.
    """
    if not is_tuned(folder):
        return None
    path = folder / ABOUT
    name = read_json(path).get("base")
    if name is None:
        raise BrokenCheckpoint(f"{folder} holds no {INDEX}, and its {ABOUT} names no base.", 'Add "base": "FOLDER".')
    if not is_plain_name(name):
        message = f"{path}: base {str(name)[:80]!r} is no plain name of a folder beside it."
        raise BrokenCheckpoint(message, "Put the base model beside this folder and give its folder's name alone.")
    base = folder.parent / name
    if not (base / INDEX).is_file():
        message = f"{folder} changes the model {name!r}, which is not beside it."
        raise BrokenCheckpoint(message, f"Put the folder {name} of the base model in {folder.parent}.")
    return base


def is_plain_name(name: object) -> TypeGuard[str]:
    """Whether a value is the name of a file or folder and nothing that leads elsewhere."""
    if not isinstance(name, str) or not 0 < len(name) <= 255 or name in (".", ".."):
        return False
    return not set(name) & set("/\\:\0") and Path(name).name == name
