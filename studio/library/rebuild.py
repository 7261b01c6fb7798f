"""A damaged history: set aside, then made anew from what can still be read of it and from the clips themselves."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipelines.domain.errors import DatabaseError, StorageError
from projects_db.repository import Repository
from projects_db.salvage import Salvaged
from studio.home import Home
from studio.library.files import flush_folder, writing
from studio.library.reconcile import adopt_files
from studio.lock import FileLock

_PATIENCE_SECONDS = 600.0


@dataclass(frozen=True, kw_only=True)
class Rebuilt:
    """What became of a damaged history. damaged: the old file. salvaged: rows that could still be read.

    from_files: clips whose entry came from their own file, without rating and project.
    """

    damaged: Path
    salvaged: Salvaged
    from_files: int
    unreadable: tuple[str, ...]

    def lines(self) -> tuple[str, ...]:
        """What to tell the person, one sentence each."""
        kept = self.salvaged
        return (
            f"The project history was damaged. It was set aside as {self.damaged.name} and made anew.",
            f"Read from it: {kept.projects} projects, {kept.jobs} jobs, {kept.clips} clips with their ratings.",
            f"Read from the clips themselves: {self.from_files}; their ratings and projects are lost.",
        )


def open_or_rebuild(home: Home) -> tuple[Repository, Rebuilt | None]:
    """The repository of a data folder; a damaged one is replaced, and what came of it is told."""
    try:
        return _open(home), None
    except DatabaseError as error:
        if not getattr(error, "damaged", False):
            raise
    with _alone(home):
        try:
            return _open(home), None  # another process was quicker
        except DatabaseError as error:
            if not getattr(error, "damaged", False):
                raise
        rebuilt = _rebuild(home)
        return _open(home), rebuilt


def _open(home: Home) -> Repository:
    return Repository.open(home.database, backups=home.backups)


def _rebuild(home: Home) -> Rebuilt:
    """Build beside the damaged file and swap at the very end, so that a crash leaves the damaged one to start from."""
    with writing(home.database):
        aside = _copy_aside(home.database)
        fresh = home.root / "gimbal.rebuilding.sqlite3"
        _unlink_all(fresh)
        with Repository.open(fresh, backups=home.backups) as repository:
            salvaged = repository.salvage(aside)
            adopted = adopt_files(home, repository)
        _unlink_all(home.database, keep_main=True)
        os.replace(fresh, home.database)
        _unlink_all(fresh)
        flush_folder(home.root)
    count = len(adopted["imported"]) + len(adopted["finished"]) + len(adopted["returned"])
    return Rebuilt(damaged=aside, salvaged=salvaged, from_files=count, unreadable=adopted["unreadable"])


def _copy_aside(database: Path) -> Path:
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    aside = database.with_name(f"gimbal.damaged-{stamp}.sqlite3")
    for part, copy in zip(_parts(database), _parts(aside), strict=True):
        if part.exists():
            shutil.copyfile(part, copy)
    return aside


def _parts(database: Path) -> tuple[Path, ...]:
    return tuple(database.with_name(database.name + end) for end in ("", "-wal", "-shm", ".suspect"))


def _unlink_all(database: Path, keep_main: bool = False) -> None:
    """A write-ahead log must never meet a database that it does not belong to."""
    for part in _parts(database)[1 if keep_main else 0 :]:
        part.unlink(missing_ok=True)


@contextmanager
def _alone(home: Home) -> Iterator[None]:
    lock = FileLock(home.root / "rebuild.lock")
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not lock.acquire():
        if time.monotonic() > deadline:
            raise StorageError("Another Gimbal is still mending the project history.", "Wait until it has started.")
        time.sleep(0.1)
    try:
        yield
    finally:
        lock.release()
