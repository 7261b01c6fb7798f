"""Connections to one SQLite file: pragmas, readers, and writers that take the write lock at their start."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import NullPool, QueuePool

from projects_db.faults import told

BUSY_SECONDS = 30.0
_PRAGMAS = ("foreign_keys=ON", "synchronous=FULL", "temp_store=MEMORY", "cache_size=-16000")


def connect(path: Path) -> sqlite3.Connection:
    """A bare connection that begins no transaction by itself and may be used by any one thread at a time.

    A rotten byte in a text is shown as � and does not keep the rest of a row from being read.
    """
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    connection.text_factory = readable
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    return connection


def readable(raw: bytes) -> str:
    """Stored text, whatever became of its bytes."""
    return raw.decode("utf-8", "replace")


class Connections:
    """A pool of connections to one file, shared by the threads of this process."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._engine = create_engine(
            "sqlite://", creator=lambda: connect(path), poolclass=QueuePool, pool_size=8, max_overflow=-1
        )
        event.listen(self._engine, "begin", _begin)
        self._writer = self._engine.execution_options(immediate=True)
        self._one_writer = threading.Lock()
        self._watch: sqlite3.Connection | None = None
        self._watching = threading.Lock()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection in a transaction that sees one moment of the file."""
        with told(self.path), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A connection in a transaction that holds the write lock: all of the block is written, or nothing."""
        with told(self.path), self._one_writer, self._writer.begin() as connection:
            yield connection

    def data_version(self) -> int:
        """A number that differs after anyone, in any process, has written; only differences mean something."""
        with told(self.path), self._watching:
            if self._watch is None:
                self._watch = connect(self.path)
            return int(self._watch.execute("PRAGMA data_version").fetchone()[0])

    def close(self) -> None:
        """Let go of the file; the last to do so folds the write-ahead log into it."""
        with self._watching:
            if self._watch is not None:
                self._watch.close()
                self._watch = None
        self._engine.dispose()


def _begin(connection: Connection) -> None:
    immediate: Any = connection.get_execution_options().get("immediate", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


def engine_for_migration(path: Path) -> Engine:
    """An engine whose transactions hold the write lock, without foreign keys so that tables can be rebuilt."""
    engine = create_engine("sqlite://", creator=lambda: connect(path), poolclass=NullPool)
    event.listen(engine, "connect", lambda raw, _: raw.execute("PRAGMA foreign_keys=OFF"))
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return engine
