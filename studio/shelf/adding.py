"""Using what is on the machine already: checkpoints, single files, ComfyUI's models. Nothing is copied."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.domain.errors import BrokenCheckpoint

if TYPE_CHECKING:
    from pipelines.families.family import ModelCard
    from studio.studio import Studio


@dataclass(frozen=True)
class Added:
    """The models that can be used now. files: of ComfyUI's folder, each with what came of it."""

    cards: tuple[ModelCard, ...]
    files: tuple[tuple[str, str], ...] = ()


def add(studio: Studio, paths: Sequence[Path], base: str | None = None) -> Added:
    """Remember what was read as a whole. base: the model here that lends what single files lack.

    Raises BrokenCheckpoint, UnknownModel, StorageError.
    """
    from pipelines.models.comfy import comfy_models

    models = comfy_models(paths[0]) if len(paths) == 1 else None
    if models is not None:
        return _add_all(models, base, studio)
    if all(path.is_file() for path in paths):
        return Added((studio.join_models(paths, base),))
    if len(paths) > 1:
        raise BrokenCheckpoint("Several paths must all be files of one model.", "Add folders one by one.")
    return Added(studio.add_model(paths[0].resolve()))


def _add_all(models: Path, base: str | None, studio: Studio) -> Added:
    """Every model that ComfyUI's files make with what is here; the others are told with what they lack."""
    from pipelines.models.comfy import comfy_files

    cards, rows, last = [], [], None
    for files in comfy_files(models):
        name = " + ".join(str(path.relative_to(models)) for path in files)
        try:
            cards.append(studio.join_models(files, base))
            rows.append((name, f"added as {cards[-1].id}"))
        except BrokenCheckpoint as error:
            last = error
            rows.append((name, f"{error.message} {error.hint}"))
    if not rows:
        raise BrokenCheckpoint(f"{models} holds no single files of models.", "Name another folder.")
    if not cards and last is not None:
        message = f"None of the {len(rows)} models in {models} can be used yet. The last: {last.message}"
        raise BrokenCheckpoint(message, last.hint)
    return Added(tuple(cards), tuple(rows))
