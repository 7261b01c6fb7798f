"""Reading what is left of a damaged history into a new, empty one."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Float, Integer, Table, delete, func, select

from pipelines.domain.camera.text import from_json
from pipelines.domain.errors import InvalidRequest
from pipelines.domain.request import GenerationRequest
from projects_db.connection import readable
from projects_db.projects import first_project
from projects_db.schema import camera_paths, clips, jobs, media, projects, subject_versions, subjects, switches
from projects_db.store import scalar

_Row = dict[str, Any]
_LARGEST_GAP = 2**30
_LEASE: _Row = {"stage": None, "eta_seconds": None, "worker_pid": None, "heartbeat_at": None}


@dataclass(frozen=True, kw_only=True)
class Salvaged:
    """How many rows of each kind could be read."""

    projects: int
    jobs: int
    clips: int
    media: int
    camera_paths: int
    subjects: int
    subject_versions: int


@contextmanager
def working_copy(damaged: Path) -> Iterator[Path]:
    """A copy to read from, made as long as its header says: SQLite reads nothing of a file that was cut off."""
    copy = damaged.with_suffix(".salvaging")
    log, copied_log = damaged.with_name(damaged.name + "-wal"), copy.with_name(copy.name + "-wal")
    try:
        shutil.copyfile(damaged, copy)
        if log.exists():
            shutil.copyfile(log, copied_log)
        with copy.open("r+b") as file:
            header = file.read(32)
            whole = int.from_bytes(header[16:18], "big") * int.from_bytes(header[28:32], "big")
            if copy.stat().st_size < whole <= _LARGEST_GAP + copy.stat().st_size:
                file.truncate(whole)
        yield copy
    finally:
        for left in (copy, copied_log, copy.with_name(copy.name + "-shm")):
            left.unlink(missing_ok=True)


def salvage_into(connection: Connection, damaged: Path) -> Salvaged:
    """Copy every sound row of the file `damaged` into the empty history behind `connection`; its constraints sift them.

    Pages that cannot be read are stepped over from both ends of each table. Jobs that were running are queued again.
    """
    default = first_project(connection)
    for row in _sound_rows(damaged, projects):
        _insert(connection, projects, row)
    if scalar(connection, select(func.count()).where(projects.c.deleted_at.is_(None), projects.c.id != default)):
        connection.execute(delete(projects).where(projects.c.id == default))
    home = first_project(connection)
    homes = set(connection.execute(select(projects.c.id)).scalars())
    for table in (jobs, media, switches, clips, camera_paths, subjects, subject_versions):
        for row in _sound_rows(damaged, table):
            _insert(connection, table, _mended(connection, row, home, homes))
    tables = (projects, jobs, clips, media, camera_paths, subjects, subject_versions)
    return Salvaged(**{t.name: scalar(connection, select(func.count()).select_from(t)) for t in tables})


def _insert(connection: Connection, table: Table, row: _Row) -> None:
    connection.execute(table.insert().prefix_with("OR IGNORE").values(row))


def _mended(connection: Connection, row: _Row, home: str, homes: set[str]) -> _Row:
    """A row whose references hold: an unknown project becomes the first one, an unknown job none."""
    if "project_id" in row and row["project_id"] not in homes:
        row = row | {"project_id": home}
    if row.get("job_id") and scalar(connection, select(jobs.c.id).where(jobs.c.id == row["job_id"])) is None:
        row = row | {"job_id": None}
    if row.get("state") == "running":
        row = row | _LEASE | {"state": "queued"}
    return row


def _sound_rows(damaged: Path, table: Table) -> Iterator[_Row]:
    seen: set[int] = set()
    for order in ("ASC", "DESC"):
        for number, row in _readable_rows(damaged, table, order):
            if number not in seen and _is_sound(table, row):
                yield row
            seen.add(number)


def _readable_rows(damaged: Path, table: Table, order: str) -> Iterator[tuple[int, _Row]]:
    """Rows from one end of a table up to the first page that cannot be read."""
    try:
        with closing(sqlite3.connect(damaged)) as connection:
            connection.text_factory = readable
            connection.execute("PRAGMA writable_schema=ON")  # read on where the table of contents has a gap
            cursor = connection.execute(f"SELECT rowid AS row_, * FROM {table.name} ORDER BY rowid {order}")
            names = [name for name, *_ in cursor.description]
            for values in cursor:
                row = dict(zip(names, values, strict=True))
                yield row.pop("row_"), {name: value for name, value in row.items() if name in table.c}
    except (sqlite3.Error, UnicodeDecodeError):
        return


def _is_sound(table: Table, row: _Row) -> bool:
    """Whether a row read from a damaged page can be what was once written."""
    if not all(_fits(table, name, value) for name, value in row.items()):
        return False
    try:
        if "path_json" in row:
            from_json(row["path_json"])
        is_clip = "request_json" in row and row.get("task", "clip") == "clip"
        return not is_clip or bool(GenerationRequest.from_json(row["request_json"]))
    except InvalidRequest:
        return False


def _fits(table: Table, name: str, value: Any) -> bool:
    column = table.c[name]
    if value is None:
        return bool(column.nullable)
    if isinstance(column.type, Integer):
        return isinstance(value, int)
    return isinstance(value, int | float) if isinstance(column.type, Float) else isinstance(value, str)
