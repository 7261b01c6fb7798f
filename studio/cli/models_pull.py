"""`models pull`: fetch a published model or estimator, with its progress in one line."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from pipelines.domain.errors import UnknownModel
from studio.cli.console import Console
from studio.home import prepare
from studio.settings import Settings

if TYPE_CHECKING:
    from pipelines.models.fetch import Fetched


def fetch(card_id: str, mirror: str | None, settings: Settings, console: Console) -> int:
    """Fetch a card into the data folder. Raises UnknownModel, DownloadError, NoSpace, BrokenCheckpoint."""
    from studio.shelf import fetching

    home = prepare(settings.home)
    wanted = fetching.to_fetch(card_id, settings, home)
    if wanted is None:
        raise UnknownModel(f"{card_id} is here already.", "launch.py models lists what is here.")
    card, source = wanted.card, wanted.card.source
    if source is not None:
        about = "" if not source.non_commercial else ", which forbids commercial use"
        size = f"about {source.download_bytes / 1e9:.1f} GB" if source.download_bytes else "size unknown"
        place = (mirror or settings.hub).rstrip("/")
        console.note(f"{card.title}: {size} from {source.repository} at {place}; licence {card.licence}{about}")
    began = time.monotonic()

    def show(progress: Fetched) -> None:
        console.progress(told(progress, time.monotonic() - began))

    folder = fetching.fetch(wanted, settings, show, mirror)
    console.say(f"{card.id} is here, every file with its hash: {folder}")
    console.result(model=card.id, folder=str(folder))
    return 0


def told(progress: Fetched, seconds: float) -> str:
    """One line: `12.3 of 40.1 GB  31 %  transformer/...`."""
    share = progress.done / progress.total if progress.total else 1.0
    rate = f"  {progress.done / seconds / 1e6:.0f} MB/s" if seconds > 1 else ""
    return f"{progress.done / 1e9:.2f} of {progress.total / 1e9:.2f} GB  {share:.0%}{rate}  {progress.file}"
