"""List the models a clip can be made with, add one that is here, fetch a published one, or keep LoRA files."""

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

HELP = "list, add, fetch, check and remove models, and LoRA files"


def arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    actions.add_parser("list", help="every model, and every folder that is broken (the default)")
    add = actions.add_parser(
        "add", help="use what is here: a checkpoint's folder, the Hugging Face cache, single files, ComfyUI's folder"
    )
    add.add_argument("paths", type=Path, nargs="+", metavar="PATH", help="a folder, or one or more files of one model")
    add.add_argument("--base", metavar="MODEL", help="the model here that lends what single files lack")
    pull = actions.add_parser("pull", help="fetch a published model; an interrupted fetch is taken up again")
    pull.add_argument("card", metavar="CARD", help="a model that `models list` says can be fetched")
    pull.add_argument("--mirror", metavar="URL", help="another place than the Hugging Face Hub (also GIMBAL_HUB)")
    verify = actions.add_parser("verify", help="compare a fetched model with the hashes it came with")
    verify.add_argument("card", metavar="CARD")
    remove = actions.add_parser("remove", help="delete a fetched model, or forget an added one, whose files stay")
    remove.add_argument("card", metavar="CARD")
    lora = actions.add_parser("lora", help="list the LoRA files, or add one, or a folder of them")
    lora.add_argument("file", type=Path, nargs="?", metavar="FILE")
    for action in actions.choices.values():
        action.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)


def run(options: argparse.Namespace, console: Console) -> int:
    from studio.home import Home, catalog_of
    from studio.settings import Settings

    settings = Settings.read()
    home = Home(settings.home)
    match options.action:
        case "add":
            from studio.cli.models_add import add

            return add([path.expanduser() for path in options.paths], options.base, settings, console)
        case "pull":
            from studio.cli.models_pull import fetch

            return fetch(options.card, options.mirror, settings, console)
        case "verify":
            from studio.shelf.fetching import fetched_folder

            return _verify(options.card, fetched_folder(options.card, settings, home), console)
        case "remove":
            return _remove(options.card, settings, console)
        case "lora":
            return _lora(options.file, home, console)
    return _list(catalog_of(settings.assets, home), home, console)


def _list(found: Catalog, home: Home, console: Console) -> int:
    from studio.cli import models_estimators

    cards = found.cards()
    console.table(("model", "title", "family", "size", "frames", "licence"), [_row(card) for card in cards])
    away = found.published()
    if away:
        console.say("\nNot on this machine yet; `launch.py models pull MODEL` fetches one:")
        console.table(("model", "title", "download", "licence"), [_offer(card) for card in away])
    broken = [{"folder": str(b.folder), "message": b.message, "hint": b.hint} for b in found.broken]
    for folder in broken:
        console.say(f"broken: {folder['folder']}: {folder['message']} {folder['hint']}")
    readers = models_estimators.listed(home, console)
    here, offered = [told(card) for card in cards], [told(card) for card in away]
    console.result(models=here, published=offered, broken=broken, estimators=readers)
    return 0


def _verify(card_id: str, folder: Path, console: Console) -> int:
    """Read every file of a fetched model and compare it with its hash."""
    from pipelines.models.fetch import verify

    wrong = verify(folder)
    for name in wrong:
        console.say(f"not as it came: {folder / name}")
    if not wrong:
        console.say(f"{card_id} is as it came.")
    console.result(ok=not wrong, wrong=list(wrong))
    return 1 if wrong else 0


def _remove(card_id: str, settings: Settings, console: Console) -> int:
    """Take a model or an estimator away. Raises UnknownModel, and GimbalError for one that has to stay."""
    from studio.shelf.estimators import Estimators
    from studio.shelf.models import Models
    from studio.studio import Studio

    studio = Studio(settings, worker=False)
    try:
        readers = Estimators(studio)
        freed = readers.remove(card_id) if readers.has(card_id) else Models(studio).remove(card_id)
    finally:
        studio.close()
    console.say(f"{card_id} is gone; {freed / 1e9:.1f} GB are free again." if freed else f"{card_id} is forgotten.")
    console.result(model=card_id, freed_bytes=freed)
    return 0


def _lora(file: Path | None, home: Home, console: Console) -> int:
    """The library of LoRA, with one more where a file is given. Raises BrokenCheckpoint, StorageError."""
    from pipelines.models.loras import LoraShelf
    from studio.home import storage_error

    shelf = LoraShelf(home.loras)
    try:
        shown = shelf.all() if file is None else tuple(shelf.add(path) for path in _files(file.expanduser()))
    except OSError as error:
        raise storage_error(error, home.loras) from error
    rows = [(lora.name, lora.facts.base, lora.facts.rank, lora.digest[:12]) for lora in shown]
    console.table(("LoRA", "made for", "rank", "hash"), rows)
    for path, why in shelf.broken:
        console.say(f"broken: {path.name}: {why}")
    told = [
        {"name": r[0], "base": r[1], "rank": r[2], "digest": lora.digest} for r, lora in zip(rows, shown, strict=True)
    ]
    console.result(loras=told)
    return 0


def _files(path: Path) -> list[Path]:
    """A file, or every LoRA of a folder such as ComfyUI's; other files there are passed over."""
    from pipelines.domain.errors import BrokenCheckpoint
    from pipelines.models.lora_keys import read_lora

    if not path.is_dir():
        return [path]
    found = []
    for file in sorted(path.rglob("*.safetensors")):
        try:
            read_lora(file)
        except BrokenCheckpoint:
            continue
        found.append(file)
    if not found:
        raise BrokenCheckpoint(f"{path} holds no LoRA.", "Name a file in safetensors, or a folder of such.")
    return found


def _offer(card: ModelCard) -> tuple[object, ...]:
    """One line of what can be fetched; licences that forbid commercial use say so."""
    source = card.source
    size = f"{source.download_bytes / 1e9:.0f} GB" if source else ""
    licence = f"{card.licence} (non-commercial)" if source and source.non_commercial else card.licence
    return card.id, card.title, size, licence


def _row(card: ModelCard) -> tuple[object, ...]:
    grid = card.capabilities.grid
    size, frames = "x".join(map(str, grid.sizes[0])), grid.lengths[0]
    return card.id, card.title, card.family, size, frames, card.licence


def told(card: ModelCard) -> dict[str, Any]:
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
