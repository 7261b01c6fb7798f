"""The one door to the project history."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path
from types import TracebackType

from projects_db.camera_paths import CameraPaths
from projects_db.clips import Clips
from projects_db.connection import BUSY_SECONDS, Connections, connect
from projects_db.faults import damaged, suspect_mark, told
from projects_db.jobs import Jobs
from projects_db.media import Media
from projects_db.migrations import bring_up_to_date
from projects_db.projects import Projects
from projects_db.salvage import Salvaged, salvage_into, working_copy
from projects_db.schema import SEARCH_PARTS, metadata
from projects_db.subjects import Subjects


class Repository(Projects, Jobs, Clips, Media, CameraPaths, Subjects):
    """Projects, jobs, clips, media, camera paths and subjects of one data folder.

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
            _refuse_missing_parts(path)
            _mend_search(path)
        return cls(Connections(path))

    @property
    def path(self) -> Path:
        return self._connections.path

    def data_version(self) -> int:
        """A number that differs after any write by anyone; only differences on one repository mean something."""
        return self._connections.data_version()

    def salvage(self, file: Path) -> Salvaged:
        """Fill this history, which must be new, with all that can still be read of a damaged one."""
        with working_copy(file) as copy, self._connections.writing() as connection:
            return salvage_into(connection, copy)

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
    check = "integrity_check(1)" if suspect_mark(path).exists() else "quick_check(1)"
    with closing(connect(path)) as connection:
        answer = connection.execute(f"PRAGMA {check}").fetchone()[0]
    if answer != "ok":
        raise damaged(path, answer)


def _refuse_missing_parts(path: Path) -> None:
    """SQLite takes a table of contents with rotten names for a sound one of other tables."""
    with closing(connect(path)) as connection:
        names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
        for table in metadata.sorted_tables:
            columns = {row[1] for row in connection.execute(f"PRAGMA table_info({table.name})")}
            names |= {f"{table.name}.{column}" for column in columns}
    expected = {f"{c.table.name}.{c.name}" for table in metadata.sorted_tables for c in table.c} | set(SEARCH_PARTS)
    if not expected <= names:
        raise damaged(path, f"it has no {min(expected - names)}")


def _mend_search(path: Path) -> None:
    """Make the search index anew where it does not answer, or where damage was met in sound tables.

    Raises DamagedDatabase where that does not help.
    """
    with closing(connect(path)) as connection:
        if suspect_mark(path).exists() or not _answers(connection):
            connection.execute("INSERT INTO clip_search (clip_search) VALUES ('rebuild')")
            if not _answers(connection):
                raise damaged(path, "its search index cannot be mended")
    suspect_mark(path).unlink(missing_ok=True)


def _answers(connection: sqlite3.Connection) -> bool:
    try:
        connection.execute("SELECT rowid FROM clip_search WHERE clip_search MATCH 'live' LIMIT 1").fetchall()
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT):
            raise
        return False
    return True
