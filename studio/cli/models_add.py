"""`models add`: use checkpoints, single files and ComfyUI's models from where they are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.domain.errors import BrokenCheckpoint
from studio.cli.console import Console
from studio.settings import Settings

if TYPE_CHECKING:
    from pipelines.families.family import ModelCard
    from studio.studio import Studio


def add(paths: Sequence[Path], base: str | None, settings: Settings, console: Console) -> int:
    """Remember what was read as a whole. Raises BrokenCheckpoint, UnknownModel, StorageError."""
    from pipelines.models.comfy import comfy_models
    from studio.cli.models import told
    from studio.studio import Studio

    studio = Studio(settings, worker=False)
    try:
        models = comfy_models(paths[0]) if len(paths) == 1 else None
        if models is not None:
            cards = _add_all(models, base, studio, console)
        elif all(path.is_file() for path in paths):
            cards = (studio.join_models(paths, base),)
        elif len(paths) > 1:
            raise BrokenCheckpoint("Several paths must all be files of one model.", "Add folders one by one.")
        else:
            cards = studio.add_model(paths[0].resolve())
    finally:
        studio.close()
    for card in cards:
        console.say(f"{card.id}: {card.title}, from {card.folder}")
    console.result(models=[told(card) for card in cards])
    return 0


def _add_all(models: Path, base: str | None, studio: Studio, console: Console) -> tuple[ModelCard, ...]:
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
    console.table(("file", "what came of it"), rows)
    if not cards and last is not None:
        raise BrokenCheckpoint(f"None of the {len(rows)} models in {models} can be used yet.", last.hint)
    return tuple(cards)
