"""Clips: the rows behind the library's wall, their search, their trash."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from typing import Any, Unpack

from sqlalchemy import Connection, delete, select, update

from pipelines.domain.errors import GimbalError
from projects_db.records import ClipFile, ClipRow, Page
from projects_db.schema import clips, columns_of, projects
from projects_db.search import Filters, find
from projects_db.store import Store, batches, record, scalar

_COLUMNS = columns_of(clips, ClipRow)
_FILES = columns_of(clips, ClipFile)
_MAX_NUMBER = 2**62


class Clips(Store):
    """The part of the repository about clips."""

    def clip(self, clip_id: str) -> ClipRow:
        """One clip, also a deleted one. Raises NotFound."""
        with self._connections.reading() as connection:
            return _clip(connection, clip_id)

    def clip_of_file(self, file_sha256: str) -> ClipRow | None:
        """The clip whose file has this content hash, None where the library made or holds none."""
        with self._connections.reading() as connection:
            query = select(*_COLUMNS).where(clips.c.file_sha256 == file_sha256).order_by(clips.c.created_at).limit(1)
            row = connection.execute(query).one_or_none()
        return None if row is None else record(ClipRow, row, "clip")

    def search_clips(self, text: str = "", **filters: Unpack[Filters]) -> Page:
        """Clips whose prompt holds every word of `text` (the beginning of a word is enough), newest first.

        Raises GimbalError for a cursor nobody gave out.
        """
        with self._connections.reading() as connection:
            return find(connection, text, filters)

    def insert_clip(self, clip: ClipRow) -> bool:
        """Add a clip that no job of this history made; False where it is already there."""
        with self._connections.writing() as connection:
            return add_clip(connection, clip)

    def insert_clips(self, rows: Iterable[ClipRow]) -> int:
        """Add many clips in one transaction, for a library that is built anew; returns how many were new."""
        with self._connections.writing() as connection:
            known = set(connection.execute(select(clips.c.id)).scalars())
            taken = set(connection.execute(select(clips.c.number)).scalars())
            free: dict[int, int] = {}
            before = len(known)
            for batch in batches(rows):
                fresh = [row for row in {row.id: row for row in batch}.values() if row.id not in known]
                known.update(row.id for row in fresh)
                if fresh:
                    connection.execute(clips.insert(), [_values(row, _number(row, taken, free)) for row in fresh])
            return len(known) - before

    def rate_clip(self, clip_id: str, rating: int) -> ClipRow:
        """Give a clip 0 to 5 stars. Raises NotFound, GimbalError."""
        if rating not in range(6):
            raise GimbalError(f"A rating is 0 to 5, not {rating}.", "Choose up to five stars.")
        with self._connections.writing() as connection:
            connection.execute(update(clips).where(clips.c.id == clip_id).values(rating=rating))
            return _clip(connection, clip_id)

    def tell_of_clip(self, clip_id: str, facts: Mapping[str, Any]) -> ClipRow:
        """Lay facts learnt later over those of a clip. Raises NotFound."""
        with self._connections.writing() as connection:
            known = json.loads(_clip(connection, clip_id).facts_json or "{}")
            text = json.dumps({**known, **facts}, sort_keys=True, allow_nan=False)
            connection.execute(update(clips).where(clips.c.id == clip_id).values(facts_json=text))
            return _clip(connection, clip_id)

    def delete_clips(self, ids: Iterable[str]) -> tuple[str, ...]:
        """Move clips to the trash; returns those that were not there yet. Files and jobs stay as they are."""
        with self._connections.writing() as connection:
            return _set_deleted(connection, ids, time.time())

    def restore_clips(self, ids: Iterable[str]) -> tuple[str, ...]:
        """Take clips out of the trash; returns those that were in it. A deleted project comes back with its clip."""
        with self._connections.writing() as connection:
            restored = _set_deleted(connection, ids, None)
            for batch in batches(restored):
                homes = select(clips.c.project_id).where(clips.c.id.in_(batch))
                connection.execute(update(projects).where(projects.c.id.in_(homes)).values(deleted_at=None))
        return restored

    def purgeable_clips(self, older_than: float) -> tuple[ClipRow, ...]:
        """Clips that were deleted before the time `older_than`, whose files may go."""
        query = select(*_COLUMNS).where(clips.c.deleted_at <= older_than)
        with self._connections.reading() as connection:
            return tuple(record(ClipRow, row, "clip") for row in connection.execute(query).all())

    def purge_clips(self, ids: Iterable[str]) -> tuple[str, ...]:
        """Forget clips that are in the trash for ever; returns those forgotten. The jobs that made them stay."""
        gone: list[str] = []
        with self._connections.writing() as connection:
            for batch in batches(ids):
                mine = (clips.c.id.in_(batch), clips.c.deleted_at.is_not(None))
                gone += connection.execute(select(clips.c.id).where(*mine)).scalars()
                connection.execute(delete(clips).where(*mine))
        return tuple(gone)

    def all_clip_files(self) -> tuple[ClipFile, ...]:
        """Where the files of every clip belong, the trash included."""
        with self._connections.reading() as connection:
            rows = connection.execute(select(*_FILES)).all()
        names = [column.name for column in _FILES]
        return tuple(ClipFile(**dict(zip(names, row, strict=True))) for row in rows)

    def mark_missing(self, ids: Iterable[str], missing: bool) -> None:
        """Note that the files of clips are not there, or are there again."""
        since = time.time() if missing else None
        with self._connections.writing() as connection:
            for batch in batches(ids):
                connection.execute(update(clips).where(clips.c.id.in_(batch)).values(missing_since=since))

    def clip_models(self) -> tuple[str, ...]:
        """The models that made the clips of the library, by name."""
        with self._connections.reading() as connection:
            return tuple(connection.execute(select(clips.c.model).distinct().order_by(clips.c.model)).scalars())


def add_clip(connection: Connection, clip: ClipRow) -> bool:
    """Insert a clip inside a running transaction; False where its id is already there."""
    if scalar(connection, select(clips.c.id).where(clips.c.id == clip.id)) is not None:
        return False
    number = _wished_number(clip)
    while scalar(connection, select(clips.c.number).where(clips.c.number == number)) is not None:
        number += 1
    connection.execute(clips.insert().values(_values(clip, number)))
    return True


def _clip(connection: Connection, clip_id: str) -> ClipRow:
    return record(ClipRow, connection.execute(select(*_COLUMNS).where(clips.c.id == clip_id)).one_or_none(), "clip")


def _values(clip: ClipRow, number: int) -> dict[str, Any]:
    return {column.name: getattr(clip, column.name) for column in _COLUMNS} | {"number": number}


def _wished_number(clip: ClipRow) -> int:
    return int(max(0.0, min(clip.created_at * 1e6, float(_MAX_NUMBER))))


def _number(clip: ClipRow, taken: set[int], free: dict[int, int]) -> int:
    """The first free number at or after the clip's own, where many clips may share one moment."""
    wished = _wished_number(clip)
    number = free.get(wished, wished)
    while number in taken:
        number += 1
    taken.add(number)
    free[wished] = number + 1
    return number


def _set_deleted(connection: Connection, ids: Iterable[str], deleted_at: float | None) -> tuple[str, ...]:
    changed: list[str] = []
    to_change = clips.c.deleted_at.is_(None) if deleted_at is not None else clips.c.deleted_at.is_not(None)
    for batch in batches(ids):
        mine = (clips.c.id.in_(batch), to_change)
        changed += connection.execute(select(clips.c.id).where(*mine)).scalars()
        connection.execute(update(clips).where(*mine).values(deleted_at=deleted_at))
    return tuple(changed)
