"""What is done beside the clips for models and estimators alike: to fetch, to check, and to take off the disk."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.domain.errors import DownloadError, GimbalError, NoSpace
from pipelines.models.fetch import INCOMING, LOCK, SPARE_BYTES, Fetchable
from projects_db.records import JobRow, JobState
from studio.home import storage_error
from studio.jobs.tasks import BESIDE
from studio.shelf.fetching import FetchSpec

if TYPE_CHECKING:
    from studio.studio import Studio

_UNFINISHED: tuple[JobState, ...] = ("queued", "running")
_MOST_JOBS = 500


class Errands:
    """Raises GimbalError with what to do next."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    def unfinished(self) -> Sequence[JobRow]:
        """Every job that waits or runs."""
        return self._studio.repository.list_jobs(_UNFINISHED, _MOST_JOBS)

    def fetch(self, card: Fetchable, project_id: str) -> JobRow:
        """Queue a fetch, once. Raises DownloadError (offline), NoSpace."""
        running = errand(card.id, self.unfinished())
        if running is not None:
            return running
        if self._studio.settings.offline:
            message = "Gimbal is offline, so nothing is fetched."
            raise DownloadError(message, "Unset GIMBAL_OFFLINE and start again, or add a folder that is here.")
        self._check_room(card)
        spec, title = FetchSpec(model=card.id).to_json(), f"Fetch {card.title}"
        return self._studio.queue.submit_task(project_id, "fetch_model", spec, model=card.id, title=title)

    def verify(self, card_id: str, title: str, folder: Path, project_id: str) -> JobRow:
        """Queue the comparison of a fetched folder with its hashes. Raises GimbalError for one that has none."""
        if not (folder / LOCK).is_file():
            message = f"{title} was not fetched by Gimbal, so no hashes of it are known."
            raise GimbalError(message, "Its files can be compared with their source by hand.")
        running = errand(card_id, self.unfinished())
        spec, submit = FetchSpec(model=card_id).to_json(), self._studio.queue.submit_task
        return running or submit(project_id, "verify_model", spec, model=card_id, title=f"Check {title}")

    def discard(self, card: Fetchable) -> int:
        """Delete what has come of a fetch that is not at its end; the bytes that became free."""
        if errand(card.id, self.unfinished()) is not None:
            raise GimbalError(f"{card.title} is being fetched.", "Stop that first.")
        return self.delete(growing(card))

    def delete(self, folder: Path) -> int:
        """Out of sight at once, then off the disk; the bytes that became free."""
        size = size_of(folder)
        away = self._studio.home.models / INCOMING / f".gone-{secrets.token_hex(4)}"
        try:
            away.parent.mkdir(parents=True, exist_ok=True)
            if folder.exists():
                folder.replace(away)
                self._studio.catalog.refresh()
                shutil.rmtree(away)
        except OSError as error:
            raise storage_error(error, folder) from error
        return size

    def _check_room(self, card: Fetchable) -> None:
        """Raises NoSpace before anything is queued; the fetch itself counts to the byte."""
        wanted = card.source.download_bytes if card.source else 0
        missing = max(0, wanted - size_of(growing(card)))
        free = shutil.disk_usage(self._studio.home.root).free
        if missing + SPARE_BYTES > free:
            message = f"{card.title} needs about {missing / 1e9:.1f} GB more, and {free / 1e9:.1f} GB are free."
            raise NoSpace(message, "Free some space, or set GIMBAL_HOME to a folder on another disk.")


def errand(card_id: str, unfinished: Sequence[JobRow]) -> JobRow | None:
    """The unfinished job that fetches or checks what is called so."""
    return next((row for row in unfinished if row.task in BESIDE and row.model == card_id), None)


def growing(card: Fetchable) -> Path:
    """Where a fetch keeps what has come."""
    return card.folder.parent / INCOMING / card.id


def size_of(folder: Path) -> int:
    """Bytes of the files below a folder; 0 where there is none."""
    try:
        return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    except OSError:
        return 0
