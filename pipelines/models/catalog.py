"""The models a person can choose: checkpoint folders shipped in the assets and added by the person."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipelines.domain.capabilities import problems
from pipelines.domain.errors import BrokenCheckpoint, InvalidRequest, UnknownModel
from pipelines.domain.request import GenerationRequest
from pipelines.families import NAMES, family_named
from pipelines.families.family import ModelCard
from pipelines.models.glance import newer_library, refusal
from pipelines.models.parts import is_joined
from pipelines.models.tuned import INDEX, base_folder, is_tuned

DEFAULT = "toybox"


@dataclass(frozen=True, kw_only=True)
class BrokenFolder:
    """A checkpoint folder that cannot be offered, and why."""

    folder: Path
    message: str
    hint: str


class Catalog:
    """All cards, the default first.

    assets: the folder that holds `models`. added: checkpoint folders, or folders of such, that the person named.
    fetched: where published models are put when they are fetched; None = there is no such place, and none is offered.
    """

    def __init__(self, assets: Path, added: Sequence[Path] = (), fetched: Path | None = None) -> None:
        self._assets = assets
        self._added = tuple(added)
        self._fetched = fetched
        self._cards: dict[str, ModelCard] = {}
        self._published: dict[str, ModelCard] = {}
        self.broken: tuple[BrokenFolder, ...] = ()
        self.refresh()

    def add(self, folder: Path) -> None:
        """Offer the checkpoints of one more folder."""
        self._added = (*self._added, folder)
        self.refresh()

    def forget(self, folder: Path) -> None:
        """Offer the checkpoints of a folder that was added no longer."""
        self._added = tuple(path for path in self._added if path.resolve() != folder.resolve())
        self.refresh()

    def refresh(self) -> None:
        """Look at the folders again (their headers are read, no weights)."""
        cards: dict[str, ModelCard] = {}
        broken: list[BrokenFolder] = []
        places = self._added if self._fetched is None else (*self._added, *_children(self._fetched))
        for folder in _folders(self._assets, places):
            card_id = _free_id(folder, cards)
            try:
                cards[card_id] = _card(folder, card_id, self._fetched)
            except BrokenCheckpoint as error:
                broken.append(BrokenFolder(folder=folder, message=error.message, hint=error.hint))
        order = sorted(cards, key=lambda card_id: card_id != DEFAULT)
        self._cards = {card_id: cards[card_id] for card_id in order}
        self.broken = tuple(broken)
        self._published = {} if self._fetched is None else _not_here(self._fetched, self._cards)

    def published(self) -> tuple[ModelCard, ...]:
        """The cards of models that could be fetched: they describe and count, but cannot be used yet."""
        return tuple(self._published.values())

    def cards(self) -> tuple[ModelCard, ...]:
        """The cards that can be used, the default first."""
        return tuple(self._cards.values())

    def card(self, card_id: str) -> ModelCard:
        """The card of that id. Raises UnknownModel, or BrokenCheckpoint when its folder is there but damaged."""
        if card_id in self._cards:
            return self._cards[card_id]
        for folder in self.broken:
            if _slug(folder.folder) == card_id:
                raise BrokenCheckpoint(folder.message, folder.hint)
        if card_id in self._published:
            message = f"The model {self._published[card_id].title} is not on this machine yet."
            raise UnknownModel(message, f"Fetch it: launch.py models pull {card_id}")
        known = ", ".join(self._cards) or "none"
        raise UnknownModel(f"There is no model {card_id!r} here.", f"Known models: {known}. Add its folder to Gimbal.")

    def check(self, request: GenerationRequest) -> None:
        """Raises InvalidRequest with every problem, UnknownModel or BrokenCheckpoint."""
        found = problems(request, self.card(request.model).capabilities)
        if found:
            raise InvalidRequest(found)


def _folders(assets: Path, added: Sequence[Path]) -> Iterable[Path]:
    """Checkpoint folders, each once, the shipped ones first."""
    seen: set[Path] = set()
    shipped = _children(assets / "models")
    own = [child for path in added for child in ([path] if _is_checkpoint(path) else _children(path) or [path])]
    for folder in (*shipped, *own):
        if folder.resolve() not in seen:
            seen.add(folder.resolve())
            yield folder


def _not_here(home: Path, cards: Mapping[str, ModelCard]) -> dict[str, ModelCard]:
    """What every family knows to be published, less what is here."""
    here = {card.folder.resolve() for card in cards.values()}
    known = [card for name in NAMES if hasattr(family_named(name), "published") for card in _published(name, home)]
    return {card.id: card for card in known if card.folder.resolve() not in here and card.id not in cards}


def _published(name: str, home: Path) -> tuple[ModelCard, ...]:
    return family_named(name).published(home)


def _children(path: Path) -> list[Path]:
    """The checkpoints directly in a folder, or those of a Hub cache: the newest commit of each repository."""
    try:
        cached = [snapshot for child in path.glob("models--*") if (snapshot := _snapshot(child)) is not None]
        if path.name.startswith("models--") and (own := _snapshot(path)) is not None:
            cached.append(own)
        if cached:
            return sorted(cached)
        return sorted(child for child in path.iterdir() if not child.name.startswith(".") and _is_checkpoint(child))
    except OSError:
        return []


def _snapshot(repository: Path) -> Path | None:
    """The commit that a repository in the Hub's cache stands at, None where it holds no checkpoint."""
    try:
        commit = (repository / "refs" / "main").read_text("utf-8").strip()
    except (OSError, ValueError):
        commit = ""
    is_plain = re.fullmatch(r"[0-9a-f]{7,64}", commit) is not None
    found = [repository / "snapshots" / commit] if is_plain else sorted((repository / "snapshots").glob("*"))
    return next((folder for folder in reversed(found) if _is_checkpoint(folder)), None)


def _is_checkpoint(path: Path) -> bool:
    return (path / INDEX).is_file() or is_tuned(path)


def _card(folder: Path, card_id: str, fetched: Path | None) -> ModelCard:
    if not _is_checkpoint(folder):
        raise refusal(folder)
    if is_joined(folder) and (fetched is None or folder.resolve().parent != fetched.resolve()):
        message = f"{folder} names files in other places, which only a folder that Gimbal wrote itself may do."
        raise BrokenCheckpoint(message, "Add the files themselves: launch.py models add FILE.")
    base = base_folder(folder) or folder
    try:
        return _card_of(base, folder, card_id)
    except BrokenCheckpoint as error:
        raise BrokenCheckpoint(error.message, f"{error.hint} {newer_library(base)}".strip()) from None


def _card_of(base: Path, folder: Path, card_id: str) -> ModelCard:
    for name in NAMES:
        if family_named(name).recognises(base):
            return family_named(name).card(folder, card_id)
    message = f"{base} is of a kind this Gimbal does not run."
    raise BrokenCheckpoint(message, f"Its {INDEX} must name a pipeline of: {', '.join(NAMES)}.")


def _slug(folder: Path) -> str:
    return re.sub(r"[^a-z0-9.]+", "-", _name(folder).lower()).strip("-.") or "model"


def _name(folder: Path) -> str:
    """The name of a checkpoint folder; in the Hub's cache, where commits are the names, that of the repository."""
    resolved = folder.resolve()
    if resolved.parent.name == "snapshots":
        return resolved.parent.parent.name.rpartition("--")[2]
    return resolved.name


def _free_id(folder: Path, taken: dict[str, ModelCard]) -> str:
    slug, number = _slug(folder), 2
    card_id = slug
    while card_id in taken:
        card_id, number = f"{slug}-{number}", number + 1
    return card_id
