"""`models pull`: fetch a published model, with its progress in one line."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.domain.errors import BrokenCheckpoint, UnknownModel
from studio.cli.console import Console
from studio.home import Home, prepare
from studio.settings import Settings

if TYPE_CHECKING:
    from pipelines.families.family import ModelCard
    from pipelines.models.catalog import Catalog
    from pipelines.models.fetch import Fetched


def fetch(card_id: str, mirror: str | None, settings: Settings, console: Console) -> int:
    """Fetch a card into the data folder. Raises UnknownModel, DownloadError, NoSpace, BrokenCheckpoint."""
    from pipelines.models.fetch import pull
    from pipelines.models.hub import Hub
    from studio.cli.models import catalog

    home = prepare(settings.home)
    card = _published(card_id, catalog(settings.assets, home), home)
    endpoint = (mirror or settings.hub).rstrip("/")
    hub = Hub(endpoint=endpoint, offline=settings.offline, token=os.environ.get("HF_TOKEN"))
    source = card.source
    if source is not None:
        size = f"about {source.download_bytes / 1e9:.1f} GB" if source.download_bytes else "size unknown"
        console.note(f"{card.title}: {size} from {source.repository} at {endpoint}; licence {card.licence}")
    began = time.monotonic()

    def show(progress: Fetched) -> None:
        console.progress(told(progress, time.monotonic() - began))

    folder = pull(card, hub, whole, show)
    console.say(f"{card.id} is here, every file with its hash: {folder}")
    console.result(model=card.id, folder=str(folder))
    return 0


def whole(folder: Path) -> None:
    """Read a folder as a catalog would. Raises BrokenCheckpoint."""
    from pipelines.models.catalog import Catalog

    found = Catalog(folder / "nothing-shipped", (folder,))
    if found.broken:
        raise BrokenCheckpoint(found.broken[0].message, found.broken[0].hint)


def told(progress: Fetched, seconds: float) -> str:
    """One line: `12.3 of 40.1 GB  31 %  transformer/...`."""
    share = progress.done / progress.total if progress.total else 1.0
    rate = f"  {progress.done / seconds / 1e6:.0f} MB/s" if seconds > 1 else ""
    return f"{progress.done / 1e9:.2f} of {progress.total / 1e9:.2f} GB  {share:.0%}{rate}  {progress.file}"


def _published(card_id: str, catalog: Catalog, home: Home) -> ModelCard:
    for card in catalog.published():
        if card.id == card_id:
            return card
    if card_id in {card.id for card in catalog.cards()}:
        raise UnknownModel(f"The model {card_id} is here already.", f"Make a clip: --model {card_id}")
    known = ", ".join(card.id for card in catalog.published()) or "none"
    raise UnknownModel(f"No published model is called {card_id!r}.", f"These can be fetched: {known}.")
