"""`models pull`: fetch a published model, with its progress in one line."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.domain.errors import BrokenCheckpoint, UnknownModel
from studio.cli.console import Console
from studio.home import Home, prepare
from studio.settings import Settings

if TYPE_CHECKING:
    from pipelines.conditioning.published import PublishedEstimator
    from pipelines.families.family import ModelCard
    from pipelines.models.catalog import Catalog
    from pipelines.models.fetch import Fetched

    Check = Callable[[Path], None]


def fetch(card_id: str, mirror: str | None, settings: Settings, console: Console) -> int:
    """Fetch a card into the data folder. Raises UnknownModel, DownloadError, NoSpace, BrokenCheckpoint."""
    from pipelines.models.fetch import pull
    from pipelines.models.hub import Hub
    from studio.cli.models import catalog

    home = prepare(settings.home)
    card, check = _published(card_id, catalog(settings.assets, home), home)
    endpoint = (mirror or settings.hub).rstrip("/")
    hub = Hub(endpoint=endpoint, offline=settings.offline, token=os.environ.get("HF_TOKEN"))
    source = card.source
    if source is not None:
        about = "" if not source.non_commercial else ", which forbids commercial use"
        size = f"about {source.download_bytes / 1e9:.1f} GB" if source.download_bytes else "size unknown"
        console.note(f"{card.title}: {size} from {source.repository} at {endpoint}; licence {card.licence}{about}")
    began = time.monotonic()

    def show(progress: Fetched) -> None:
        console.progress(told(progress, time.monotonic() - began))

    folder = pull(card, hub, check, show)
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


def _published(card_id: str, catalog: Catalog, home: Home) -> tuple[ModelCard | PublishedEstimator, Check]:
    """What is to be fetched under a name, and what reads the fetched folder as a whole."""
    from pipelines.conditioning import published as estimators

    known: list[tuple[ModelCard | PublishedEstimator, Check]] = [(card, whole) for card in catalog.published()]
    known += [(one, estimators.whole) for one in estimators.published(home.estimators)]
    for card, check in known:
        if card.id == card_id:
            return card, check
    if card_id in {card.id for card in catalog.cards()}:
        raise UnknownModel(f"The model {card_id} is here already.", f"Make a clip: --model {card_id}")
    names = ", ".join(card.id for card, _ in known) or "none"
    raise UnknownModel(f"No published model is called {card_id!r}.", f"These can be fetched: {names}.")
