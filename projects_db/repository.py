"""The one door to the project history."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path
from types import TracebackType

from projects_db.clips import Clips
from projects_db.connection import BUSY_SECONDS, Connections, connect
from projects_db.faults import suspect_mark, told
from projects_db.jobs import Jobs
from projects_db.media import Media
from projects_db.migrations import bring_up_to_date
from projects_db.projects import Projects
from projects_db.records import DamagedDatabase
from projects_db.salvage import Salvaged, salvage_into


class Repository(Projects, Jobs, Clips, Media):
    """Projects, jobs, clips and media of one data folder.

    Every method is one transaction and may be called from any thread; other processes may use the same file at the
    same time. Errors: NotFound, NoSpace, StorageError, DatabaseError (its kind DamagedDatabase has `damaged`).
    """

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    @classmethod
    def open(cls, path: Path, *, backups: Path) -> Repository:
        """Open the history at `path`, made or migrated where needed (after a copy into `backups`).

        Raises NewerDatabase, DamagedDatabase, StorageError, NoSpace; the file is then as it was.
        """
        with told(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            _use_write_ahead_log(path)
            _refuse_damage(path)
            bring_up_to_date(path, backups)
            _clear_suspicion(path)
        return cls(Connections(path))

    @property
    def path(self) -> Path:
        return self._connections.path

    def data_version(self) -> int:
        """A number that differs after any write by anyone; only differences on one repository mean something."""
        return self._connections.data_version()

    def salvage(self, damaged: Path) -> Salvaged:
        """Fill this history, which must be new, with all that can still be read of a damaged one."""
        with self._connections.writing() as connection:
            return salvage_into(connection, damaged)

    def close(self) -> None:
        """Let go of the file. Nothing is lost without it."""
        self._connections.close()

    def __enter__(self) -> Repository:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def _use_write_ahead_log(path: Path) -> None:
    """Two processes that open a new file at once may meet here, where SQLite does not wait by itself."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            with closing(connect(path)) as connection:
                connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def _refuse_damage(path: Path) -> None:
    with closing(connect(path)) as connection:
        check = "integrity_check(1)" if suspect_mark(path).exists() else "quick_check(1)"
        answer = connection.execute(f"PRAGMA {check}").fetchone()[0]
    if answer != "ok":
        raise DamagedDatabase(
            f"The project history {path.name} is damaged ({answer}).",
            "Start Gimbal again: it sets the file aside and makes a new history from the clips.",
        )


def _clear_suspicion(path: Path) -> None:
    """Damage was met while in use, yet the tables are sound: then it was the search index, which is made anew."""
    if suspect_mark(path).exists():
        with closing(connect(path)) as connection:
            connection.execute("INSERT INTO clip_search (clip_search) VALUES ('rebuild')")
        suspect_mark(path).unlink(missing_ok=True)
