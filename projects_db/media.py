"""Media: pictures and clips that requests name by the hash of their bytes."""

from __future__ import annotations

import dataclasses

from sqlalchemy import select, update

from projects_db.records import MediaRow
from projects_db.schema import columns_of, media
from projects_db.store import Store, record

_COLUMNS = columns_of(media, MediaRow)


class Media(Store):
    """The part of the repository about media."""

    def add_media(self, row: MediaRow) -> MediaRow:
        """Register a file; where its bytes are already known, the older row stays, at the newer place."""
        mine = select(*_COLUMNS).where(media.c.sha256 == row.sha256)
        with self._connections.writing() as connection:
            known = connection.execute(mine).one_or_none()
            if known is not None:
                connection.execute(update(media).where(media.c.sha256 == row.sha256).values(path=row.path))
                return dataclasses.replace(record(MediaRow, known, "picture"), path=row.path)
            connection.execute(media.insert().values({f.name: getattr(row, f.name) for f in dataclasses.fields(row)}))
        return row

    def media(self, sha256: str) -> MediaRow | None:
        """What is known of a content hash, None where it was never added."""
        with self._connections.reading() as connection:
            row = connection.execute(select(*_COLUMNS).where(media.c.sha256 == sha256)).one_or_none()
        return None if row is None else record(MediaRow, row, "picture")

    def all_media(self) -> tuple[MediaRow, ...]:
        """Every picture and clip that was added, the newest first."""
        with self._connections.reading() as connection:
            rows = connection.execute(select(*_COLUMNS).order_by(media.c.created_at.desc())).all()
        return tuple(record(MediaRow, row, "picture") for row in rows)
