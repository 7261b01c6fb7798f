"""Fetching a published model into the data folder: the same for commands and for the queue."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.domain.errors import BrokenCheckpoint, DownloadError, InvalidRequest, Problem, UnknownModel
from studio.home import Home, catalog_of, storage_error
from studio.lock import FileLock
from studio.settings import Settings

if TYPE_CHECKING:
    from pipelines.conditioning.published import PublishedEstimator
    from pipelines.families.family import ModelCard
    from pipelines.models.fetch import Fetched

_MOST_CHARS = 200


@dataclass(frozen=True, kw_only=True)
class FetchSpec:
    """Which model is meant, as a job keeps it."""

    model: str

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @staticmethod
    def from_json(text: str) -> FetchSpec:
        """Raises InvalidRequest."""
        try:
            model = json.loads(text)["model"]
        except (ValueError, KeyError, TypeError, RecursionError):
            model = None
        if not isinstance(model, str) or not 0 < len(model) <= _MOST_CHARS:
            message = "This job does not say which model it means."
            raise InvalidRequest((Problem(field="model", message=message, hint="Choose one from the list again."),))
        return FetchSpec(model=model)


@dataclass(frozen=True)
class Wanted:
    """What is to be fetched, and what reads the fetched folder as a whole; raises BrokenCheckpoint."""

    card: ModelCard | PublishedEstimator
    check: Callable[[Path], None]


def to_fetch(card_id: str, settings: Settings, home: Home) -> Wanted | None:
    """The published model or estimator of that id, None where it is here already. Raises UnknownModel."""
    from pipelines.conditioning import published as estimators

    catalog = catalog_of(settings.assets, home)
    known = [Wanted(card, whole) for card in catalog.published()]
    readers = estimators.published(home.estimators)
    known += [Wanted(one, estimators.whole) for one in readers if not one.folder.exists()]
    for wanted in known:
        if wanted.card.id == card_id:
            return wanted
    if card_id in {*(card.id for card in catalog.cards()), *(one.id for one in readers)}:
        return None
    names = ", ".join(wanted.card.id for wanted in known) or "none"
    raise UnknownModel(f"No published model is called {card_id[:80]!r}.", f"These can be fetched: {names}.")


def fetched_folder(name: str, settings: Settings, home: Home) -> Path:
    """The folder of an estimator or a model that is here. Raises UnknownModel, BrokenCheckpoint."""
    estimator = next((folder for folder in _children(home.estimators) if folder.name == name), None)
    return estimator or catalog_of(settings.assets, home).card(name).folder


def _children(folder: Path) -> tuple[Path, ...]:
    return tuple(folder.iterdir()) if folder.is_dir() else ()


def fetch(wanted: Wanted, settings: Settings, tell: Callable[[Fetched], None], mirror: str | None = None) -> Path:
    """Fetch into the data folder; what has come before is kept and gone on from.

    mirror: another place than the settings name. Raises DownloadError, NoSpace, StorageError, BrokenCheckpoint, and
    what `tell` raises.
    """
    from pipelines.models.fetch import INCOMING, pull
    from pipelines.models.hub import Hub

    endpoint = (mirror or settings.hub).rstrip("/")
    hub = Hub(endpoint=endpoint, offline=settings.offline, token=os.environ.get("HF_TOKEN"))
    incoming = wanted.card.folder.parent / INCOMING
    try:
        incoming.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise storage_error(error, incoming) from error
    lock = FileLock(incoming / f"{wanted.card.id}.lock")
    if not lock.acquire():
        raise DownloadError(
            f"{wanted.card.title} is being fetched by another Gimbal.", "Wait for it, or stop it there."
        )
    try:
        return pull(wanted.card, hub, wanted.check, tell)
    finally:
        lock.release()


def whole(folder: Path) -> None:
    """Read a folder as a catalog would. Raises BrokenCheckpoint."""
    from pipelines.models.catalog import Catalog

    found = Catalog(folder / "nothing-shipped", (folder,))
    if found.broken:
        raise BrokenCheckpoint(found.broken[0].message, found.broken[0].hint)
