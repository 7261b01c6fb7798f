"""What the bench and its process say to each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Begin:
    """The first thing the process hears. added: folders of a person's own models."""

    added: tuple[Path, ...]


@dataclass(frozen=True, kw_only=True)
class Do:
    """Make what is wished and write it to `clip`, and its mask, where there is one, to `mask`."""

    task_id: str
    wish: Mapping[str, Any]
    media: Mapping[str, Path]
    clip: Path
    mask: Path


@dataclass(frozen=True, kw_only=True)
class Leave:
    """Leave a task at its next frame."""

    task_id: str


Command = Do | Leave


@dataclass(frozen=True, kw_only=True)
class Share:
    """How much of a task is done, 0..1."""

    task_id: str
    fraction: float


@dataclass(frozen=True, kw_only=True)
class Written:
    """A task is done and its files are written."""

    task_id: str
    estimator: str
    notes: tuple[str, ...]
    has_mask: bool
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Failed:
    """A task could not be done, or was left (kind "Stopped")."""

    task_id: str
    kind: str
    message: str
    hint: str


Answer = Share | Written | Failed
