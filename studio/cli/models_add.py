"""`models add`: use checkpoints, single files and ComfyUI's models from where they are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from studio.cli.console import Console
from studio.settings import Settings


def add(paths: Sequence[Path], base: str | None, settings: Settings, console: Console) -> int:
    """Remember what was read as a whole. Raises BrokenCheckpoint, UnknownModel, StorageError."""
    from studio.cli.models import told
    from studio.shelf import adding
    from studio.studio import Studio

    studio = Studio(settings, worker=False)
    try:
        added = adding.add(studio, paths, base)
    finally:
        studio.close()
    if added.files:
        console.table(("file", "what came of it"), added.files)
    for card in added.cards:
        console.say(f"{card.id}: {card.title}, from {card.folder}")
    console.result(models=[told(card) for card in added.cards])
    return 0
