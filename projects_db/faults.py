"""SQLite's own errors, told to a person."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from pipelines.domain.errors import DatabaseError, GimbalError, NoSpace, StorageError
from projects_db.records import DamagedDatabase

_UNWRITABLE = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH}
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL}
_NEARLY_NOTHING_BYTES = 1 << 20


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Turn every SQLite or folder error inside the block into a GimbalError about the database at `path`."""
    try:
        yield
    except DBAPIError as error:
        if not isinstance(error.orig, sqlite3.Error) or isinstance(error.orig, sqlite3.IntegrityError):
            raise
        raise fault(error.orig, path) from error
    except sqlite3.Error as error:
        raise fault(error, path) from error
    except UnicodeDecodeError as error:  # Python fails so over a message of SQLite that quotes rotten bytes
        raise damaged(path, "its table of contents is unreadable") from error
    except OSError as error:
        raise StorageError(f"{path.parent} cannot be used ({error.strerror}).", _ELSEWHERE) from error


_ELSEWHERE = "Make the folder writable, or choose another data folder with GIMBAL_HOME."


def fault(error: sqlite3.Error, path: Path) -> GimbalError:
    """The error a person is told for an error of SQLite."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_FULL or (code == sqlite3.SQLITE_IOERR and _nearly_full(path)):
        return NoSpace(f"The disk that holds {path.parent} is full.", "Free some space, then try again.")
    if code in _DAMAGED:
        return damaged(path, str(error))
    if code in _UNWRITABLE:
        return StorageError(f"The project history {path} cannot be written ({error}).", _ELSEWHERE)
    if code in _BUSY:
        hint = "Close the other Gimbal that uses this data folder, or wait for it."
        return StorageError("The project history is busy: another program keeps it locked.", hint)
    if code == sqlite3.SQLITE_IOERR:
        return StorageError(f"The disk failed under the project history {path} ({error}).", "Check the disk.")
    if "run 'rebuild'" in str(error):
        return damaged(path, str(error))
    if "no such module" in str(error):
        return DatabaseError("This Python's SQLite has no full-text search.", "Use a Python from python.org.")
    return DatabaseError(f"The project history {path.name} refused an operation ({error}).", "Please report this.")


def suspect_mark(path: Path) -> Path:
    """The file whose presence asks the next start to look at every page."""
    return path.with_name(path.name + ".suspect")


def damaged(path: Path, why: str) -> DamagedDatabase:
    """The error for a damaged file; also asks the next start to look closely."""
    with contextlib.suppress(OSError):
        suspect_mark(path).touch()
    hint = "Start Gimbal again: it sets the file aside and makes a new history from the clips."
    return DamagedDatabase(f"The project history {path.name} is damaged ({why}).", hint)


def _nearly_full(path: Path) -> bool:
    try:
        return shutil.disk_usage(path.parent).free < _NEARLY_NOTHING_BYTES
    except OSError:
        return False
