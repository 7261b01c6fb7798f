"""The estimators as a person sees them: what reads structure here, and what can be fetched for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from pipelines.conditioning.choosing import Read
from pipelines.conditioning.published import PublishedEstimator, published
from pipelines.domain.errors import GimbalError, UnknownModel
from pipelines.models.fetch import LOCK
from projects_db.records import JobRow
from studio.shelf.errands import Errands, errand, growing, size_of
from studio.structure.estimators import Choice, choices, estimator_folders

if TYPE_CHECKING:
    from studio.studio import Studio


@dataclass(frozen=True, kw_only=True)
class Reader:
    """One estimator. why_not: why it cannot be used; empty where it can. job: what fetches or checks it.

    origin: "here" = it came with Gimbal or was put there by hand, "away" = it is not here; about: where the others were
    published. size: bytes on the disk where it was fetched, or about the bytes to fetch. held: of an unfinished fetch.
    """

    id: str
    title: str
    reads: Read
    origin: Literal["here", "fetched", "away"]
    why_not: str = ""
    about: PublishedEstimator | None = None
    size: int = 0
    held: int = 0
    job: JobRow | None = None


class Estimators:
    """What the shelf does with estimators. Raises GimbalError with what to do next."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._errands = Errands(studio)

    def offers(self) -> tuple[Reader, ...]:
        """Every estimator that is here, in the order in which they are taken, then those that can be fetched."""
        home, unfinished = self._studio.home, self._errands.unfinished()
        known = {one.id: one for one in published(home.estimators)}
        here = [self._here(choice, known.get(choice.id), unfinished) for choice in choices(estimator_folders(home))]
        names = {reader.id for reader in here}
        return (*here, *(_away(one, unfinished) for one in known.values() if one.id not in names))

    def has(self, name: str) -> bool:
        """Whether one of this name was fetched."""
        return any(one.id == name and _is_fetched(one) for one in published(self._studio.home.estimators))

    def fetch(self, name: str, project_id: str) -> JobRow:
        """Queue the fetch of one, once. Raises UnknownModel, DownloadError (offline), NoSpace."""
        wanted = self._published(name)
        if wanted.folder.exists():
            raise UnknownModel(f"The estimator {name} is here already.", "Choose it in the tab Control.")
        return self._errands.fetch(wanted, project_id)

    def verify(self, name: str, project_id: str) -> JobRow:
        """Queue the comparison of a fetched one with its hashes. Raises UnknownModel, GimbalError."""
        wanted = self._published(name)
        return self._errands.verify(wanted.id, wanted.title, wanted.folder, project_id)

    def remove(self, name: str) -> int:
        """Delete one that Gimbal fetched; the bytes that became free. Raises UnknownModel, GimbalError."""
        wanted = self._published(name)
        if not _is_fetched(wanted):
            raise UnknownModel(f"Gimbal has not fetched {name}.", "launch.py models lists what is here.")
        if errand(name, self._errands.unfinished()) is not None:
            raise GimbalError(f"{wanted.title} stays. A job that waits or runs needs it.", "Cancel that first.")
        return self._errands.delete(wanted.folder)

    def discard(self, name: str) -> int:
        """Delete what has come of one that is not fetched to its end; the bytes that became free."""
        return self._errands.discard(self._published(name))

    def _published(self, name: str) -> PublishedEstimator:
        for one in published(self._studio.home.estimators):
            if one.id == name:
                return one
        raise UnknownModel(f"No estimator {name[:80]!r} can be fetched.", "launch.py models lists those that can.")

    def _here(self, choice: Choice, about: PublishedEstimator | None, unfinished: Sequence[JobRow]) -> Reader:
        here = Reader(
            id=choice.id, title=choice.title, reads=choice.control, why_not=choice.why_not, origin="here"
        )  # fmt: skip
        if about is None or not _is_fetched(about):
            return here
        job = errand(choice.id, unfinished)
        return replace(here, origin="fetched", about=about, size=size_of(about.folder), job=job)


def _is_fetched(one: PublishedEstimator) -> bool:
    return (one.folder / LOCK).is_file()


def _away(one: PublishedEstimator, unfinished: Sequence[JobRow]) -> Reader:
    return Reader(
        id=one.id, title=one.title, reads=one.kind, origin="away", about=one, size=one.source.download_bytes,
        held=size_of(growing(one)), job=errand(one.id, unfinished),
    )  # fmt: skip
