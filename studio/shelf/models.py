"""The models of a data folder as a person sees them: what is here, what can be fetched, and how each would run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pipelines.domain.errors import GimbalError, UnknownModel
from pipelines.families.family import ModelCard
from pipelines.models.fetch import LOCK
from pipelines.models.installed import find_installed
from pipelines.models.parts import is_joined
from projects_db.records import JobRow
from studio.home import added_models, forget_model
from studio.shelf.adding import add
from studio.shelf.errands import Errands, errand, growing, size_of

if TYPE_CHECKING:
    from studio.doctor_models import Chance
    from studio.studio import Studio

Origin = Literal["shipped", "fetched", "added", "joined", "away"]
_MOST_PATH_CHARS = 4096


@dataclass(frozen=True, kw_only=True)
class Offer:
    """One model. origin: where it comes from; "joined" = put together from single files, "away" = it is not here.

    size: bytes on the disk, or about the bytes to fetch. held: bytes of an unfinished fetch. job: the unfinished job
    that fetches or checks it. why_kept: why it cannot be removed; empty where it can.
    """

    chance: Chance
    origin: Origin
    size: int
    held: int
    job: JobRow | None
    why_kept: str

    @property
    def card(self) -> ModelCard:
        return self.chance.card


class Models:
    """What the shelf does with models. Raises GimbalError with what to do next."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._home = studio.home
        self._errands = Errands(studio)

    def offers(self) -> tuple[Offer, ...]:
        """Every model that is here or can be fetched, the likeliest to run well first."""
        from studio.doctor_models import chances  # it makes use of the studio, which makes use of this

        studio, unfinished = self._studio, self._errands.unfinished()
        found = chances(studio.catalog, studio.device(), find_installed())
        return tuple(self._offer(chance, unfinished) for chance in found)

    def fetch(self, card_id: str, project_id: str) -> JobRow:
        """Queue the fetch of a published model, once. Raises UnknownModel, DownloadError (offline), NoSpace."""
        card = self._published(card_id)
        if card.source is None:
            raise _not_offered(card_id)
        return self._errands.fetch(card, project_id)

    def verify(self, card_id: str, project_id: str) -> JobRow:
        """Queue the comparison of a fetched model with its hashes. Raises UnknownModel, GimbalError."""
        card = self._studio.catalog.card(card_id)
        return self._errands.verify(card.id, card.title, card.folder, project_id)

    def add(self, typed: str) -> tuple[ModelCard, ...]:
        """Offer what lies at a path that a person typed, as `models add` does. Raises GimbalError."""
        return add(self._studio, [checked_path(typed)]).cards

    def remove(self, card_id: str) -> int:
        """Delete what Gimbal fetched, or forget what was added, whose files stay; the bytes that became free."""
        card = self._studio.catalog.card(card_id)
        origin = self._origin(card)
        why = _why_kept(card, origin, self._errands.unfinished())
        if why:
            raise GimbalError(f"{card.title} stays. {why}", "")
        if origin == "added":
            self._forget(card)
            return 0
        return self._errands.delete(card.folder)

    def discard(self, card_id: str) -> int:
        """Delete what has come of a model that is not fetched to its end; the bytes that became free."""
        return self._errands.discard(self._published(card_id))

    def _offer(self, chance: Chance, unfinished: Sequence[JobRow]) -> Offer:
        card = chance.card
        origin, job = self._origin(card), errand(card.id, unfinished)
        if origin == "away":
            size = card.source.download_bytes if card.source else 0
            held = size_of(growing(card))
            return Offer(chance=chance, origin=origin, size=size, held=held, job=job, why_kept="")
        why = _why_kept(card, origin, unfinished)
        return Offer(chance=chance, origin=origin, size=size_of(card.folder), held=0, job=job, why_kept=why)

    def _origin(self, card: ModelCard) -> Origin:
        if not card.is_here:
            return "away"
        folder = card.folder.resolve()
        if folder.is_relative_to(self._home.models.resolve()) and (folder / LOCK).is_file():
            return "fetched"
        if is_joined(folder):
            return "joined"
        return "shipped" if folder.is_relative_to(self._studio.settings.assets.resolve()) else "added"

    def _published(self, card_id: str) -> ModelCard:
        """A model that is not here and can be fetched. Raises UnknownModel."""
        for card in self._studio.catalog.published():
            if card.id == card_id:
                return card
        raise _not_offered(card_id)

    def _forget(self, card: ModelCard) -> None:
        resolved = card.folder.resolve()
        for folder in added_models(self._home):
            if resolved.is_relative_to(folder.resolve()):
                forget_model(self._home, folder)
                self._studio.catalog.forget(folder)


def _why_kept(card: ModelCard, origin: Origin, unfinished: Sequence[JobRow]) -> str:
    if origin == "shipped":
        return "It came with Gimbal."
    if any(row.model == card.id for row in unfinished):
        return "A job that waits or runs needs it; cancel that first."
    return ""


def _not_offered(card_id: str) -> UnknownModel:
    return UnknownModel(f"No model {card_id[:80]!r} can be fetched.", "It may be here already.")


def checked_path(typed: str) -> Path:
    """A path as a person typed it. Raises GimbalError for one that cannot be meant."""
    plain = typed.strip().strip("\"'")
    if not plain or len(plain) > _MOST_PATH_CHARS or not plain.isprintable():
        raise GimbalError("This is no path of a folder or a file.", "Copy it from your file manager.")
    try:
        path = Path(plain).expanduser()
        if path.is_absolute():
            return path.resolve()
    except (OSError, RuntimeError):  # a home that nobody has, links in a circle
        pass
    raise GimbalError(f"{plain[:200]} leads nowhere from here.", "Give the whole path, from / or a drive on.")
