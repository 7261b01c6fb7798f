"""The models of a data folder as a person sees them: what is here, what can be fetched, and how each would run."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pipelines.domain.errors import DownloadError, GimbalError, NoSpace, UnknownModel
from pipelines.families.family import ModelCard
from pipelines.models.fetch import INCOMING, LOCK, SPARE_BYTES
from pipelines.models.installed import find_installed
from pipelines.models.parts import is_joined
from projects_db.records import JobRow, JobState
from studio.home import added_models, forget_model, storage_error
from studio.jobs.tasks import BESIDE
from studio.shelf.adding import add
from studio.shelf.fetching import FetchSpec

if TYPE_CHECKING:
    from studio.doctor_models import Chance
    from studio.studio import Studio

Origin = Literal["shipped", "fetched", "added", "joined", "away"]
_UNFINISHED: tuple[JobState, ...] = ("queued", "running")
_MOST_PATH_CHARS = 4096
_MOST_JOBS = 500


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

    def offers(self) -> tuple[Offer, ...]:
        """Every model that is here or can be fetched, the likeliest to run well first."""
        from studio.doctor_models import chances  # it makes use of the studio, which makes use of this

        studio, unfinished = self._studio, self._unfinished()
        found = chances(studio.catalog, studio.device(), find_installed())
        return tuple(self._offer(chance, unfinished) for chance in found)

    def fetch(self, card_id: str, project_id: str) -> JobRow:
        """Queue the fetch of a published model, once. Raises UnknownModel, DownloadError (offline), NoSpace."""
        card = self._published(card_id)
        if card.source is None:
            raise _not_offered(card_id)
        running = _errand(card_id, self._unfinished())
        if running is not None:
            return running
        if self._studio.settings.offline:
            message = "Gimbal is offline, so nothing is fetched."
            raise DownloadError(message, "Unset GIMBAL_OFFLINE and start again, or add a folder that is here.")
        self._check_room(card, card.source.download_bytes)
        spec, title = FetchSpec(model=card.id).to_json(), f"Fetch {card.title}"
        return self._studio.queue.submit_task(project_id, "fetch_model", spec, model=card.id, title=title)

    def verify(self, card_id: str, project_id: str) -> JobRow:
        """Queue the comparison of a fetched model with its hashes. Raises UnknownModel, GimbalError."""
        card = self._studio.catalog.card(card_id)
        if not (card.folder / LOCK).is_file():
            message = f"{card.title} was not fetched by Gimbal, so no hashes of it are known."
            raise GimbalError(message, "Its files can be compared with their source by hand.")
        running = _errand(card_id, self._unfinished())
        spec, title = FetchSpec(model=card.id).to_json(), f"Check {card.title}"
        submit = self._studio.queue.submit_task
        return running or submit(project_id, "verify_model", spec, model=card.id, title=title)

    def add(self, typed: str) -> tuple[ModelCard, ...]:
        """Offer what lies at a path that a person typed, as `models add` does. Raises GimbalError."""
        return add(self._studio, [checked_path(typed)]).cards

    def remove(self, card_id: str) -> int:
        """Delete what Gimbal fetched, or forget what was added, whose files stay; the bytes that became free."""
        card = self._studio.catalog.card(card_id)
        origin = self._origin(card)
        why = _why_kept(card, origin, self._unfinished())
        if why:
            raise GimbalError(f"{card.title} stays. {why}", "")
        if origin == "added":
            self._forget(card)
            return 0
        return self._delete(card.folder)

    def discard(self, card_id: str) -> int:
        """Delete what has come of a model that is not fetched to its end; the bytes that became free."""
        card = self._published(card_id)
        if _errand(card_id, self._unfinished()) is not None:
            raise GimbalError(f"{card.title} is being fetched.", "Stop that first.")
        return self._delete(self._home.models / INCOMING / card.id)

    def _offer(self, chance: Chance, unfinished: Sequence[JobRow]) -> Offer:
        card = chance.card
        origin, job = self._origin(card), _errand(card.id, unfinished)
        if origin == "away":
            size = card.source.download_bytes if card.source else 0
            held = _size(self._home.models / INCOMING / card.id)
            return Offer(chance=chance, origin=origin, size=size, held=held, job=job, why_kept="")
        why = _why_kept(card, origin, unfinished)
        return Offer(chance=chance, origin=origin, size=_size(card.folder), held=0, job=job, why_kept=why)

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

    def _unfinished(self) -> Sequence[JobRow]:
        return self._studio.repository.list_jobs(_UNFINISHED, _MOST_JOBS)

    def _check_room(self, card: ModelCard, size: int) -> None:
        """Raises NoSpace before anything is queued; the fetch itself counts to the byte."""
        missing = max(0, size - _size(self._home.models / INCOMING / card.id))
        free = shutil.disk_usage(self._home.root).free
        if missing + SPARE_BYTES > free:
            message = f"{card.title} needs about {missing / 1e9:.1f} GB more, and {free / 1e9:.1f} GB are free."
            raise NoSpace(message, "Free some space, or set GIMBAL_HOME to a folder on another disk.")

    def _forget(self, card: ModelCard) -> None:
        resolved = card.folder.resolve()
        for folder in added_models(self._home):
            if resolved.is_relative_to(folder.resolve()):
                forget_model(self._home, folder)
                self._studio.catalog.forget(folder)

    def _delete(self, folder: Path) -> int:
        """Out of sight at once, then off the disk."""
        size = _size(folder)
        away = self._home.models / INCOMING / f".gone-{secrets.token_hex(4)}"
        try:
            away.parent.mkdir(parents=True, exist_ok=True)
            if folder.exists():
                folder.replace(away)
                self._studio.catalog.refresh()
                shutil.rmtree(away)
        except OSError as error:
            raise storage_error(error, folder) from error
        return size


def _errand(card_id: str, unfinished: Sequence[JobRow]) -> JobRow | None:
    """The unfinished job that fetches or checks a model."""
    return next((row for row in unfinished if row.task in BESIDE and row.model == card_id), None)


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


def _size(folder: Path) -> int:
    """Bytes of the files below a folder; 0 where there is none."""
    try:
        return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    except OSError:
        return 0
