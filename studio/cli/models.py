"""List the models a clip can be made with, or add a checkpoint folder."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.cli.console import Console

if TYPE_CHECKING:
    from pipelines.families.family import ModelCard
    from pipelines.models.catalog import Catalog
    from studio.home import Home
    from studio.settings import Settings

HELP = "list the models, or add a checkpoint folder"


def arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    actions.add_parser("list", help="every model, and every folder that is broken (the default)")
    add = actions.add_parser("add", help="use a checkpoint folder in diffusers layout from where it is")
    add.add_argument("folder", type=Path, metavar="FOLDER")
    for action in actions.choices.values():
        action.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)


def run(options: argparse.Namespace, console: Console) -> int:
    from studio.home import Home
    from studio.settings import Settings

    settings = Settings.read()
    if options.action == "add":
        return _add(options.folder, settings, console)
    return _list(catalog(settings.assets, Home(settings.home)), console)


def catalog(assets: Path, home: Home) -> Catalog:
    """The models that came with Gimbal and those a person added."""
    from pipelines.models.catalog import Catalog
    from studio.home import added_models

    return Catalog(assets, added_models(home))


def _list(found: Catalog, console: Console) -> int:
    cards = found.cards()
    console.table(("model", "title", "family", "size", "frames", "licence"), [_row(card) for card in cards])
    broken = [{"folder": str(b.folder), "message": b.message, "hint": b.hint} for b in found.broken]
    for folder in broken:
        console.say(f"broken: {folder['folder']}: {folder['message']} {folder['hint']}")
    console.result(models=[_told(card) for card in cards], broken=broken)
    return 0


def _add(folder: Path, settings: Settings, console: Console) -> int:
    """Remember a folder after it was read as a whole. Raises BrokenCheckpoint with what is wrong with it."""
    from studio.studio import Studio

    studio = Studio(settings, worker=False)
    try:
        cards = studio.add_model(folder.expanduser().resolve())
    finally:
        studio.close()
    for card in cards:
        console.say(f"{card.id}: {card.title}, from {card.folder}")
    console.result(models=[_told(card) for card in cards])
    return 0


def _row(card: ModelCard) -> tuple[object, ...]:
    grid = card.capabilities.grid
    size, frames = "x".join(map(str, grid.sizes[0])), grid.lengths[0]
    return card.id, card.title, card.family, size, frames, card.licence


def _told(card: ModelCard) -> dict[str, Any]:
    grid = card.capabilities.grid
    return {
        "id": card.id,
        "title": card.title,
        "family": card.family,
        "folder": str(card.folder),
        "summary": card.summary,
        "licence": card.licence,
        "sizes": [list(size) for size in grid.sizes],
        "lengths": list(grid.lengths),
        "conditionings": sorted(card.capabilities.conditionings),
        "weaknesses": card.weaknesses,
    }
