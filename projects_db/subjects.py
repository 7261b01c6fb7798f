"""Subjects and their versions: every training is a version of its own, and none is ever overwritten."""

from __future__ import annotations

import time

from sqlalchemy import Connection, func, select, update

from pipelines.domain.errors import GimbalError
from projects_db.records import NotFound, SubjectRow, SubjectVersionRow, new_id, storable
from projects_db.schema import columns_of, subject_versions, subjects
from projects_db.store import Store, record, scalar

_SUBJECT = columns_of(subjects, SubjectRow)
_VERSION = columns_of(subject_versions, SubjectVersionRow)
_WHAT = "subject"


class Subjects(Store):
    """The part of the repository about subjects."""

    def add_subject(self, token: str, name: str, class_word: str) -> SubjectRow:
        """A new subject. Raises GimbalError where a living one has that token."""
        with self._connections.writing() as connection:
            _refuse_taken(connection, token)
            row = SubjectRow(
                id=new_id(),
                token=token,
                name=storable(name).strip()[:200] or token.strip("<>"),
                class_word=storable(class_word).strip()[:200],
                strength=1.0,
                created_at=time.time(),
            )
            connection.execute(subjects.insert().values({c.name: getattr(row, c.name) for c in _SUBJECT}))
        return row

    def add_subject_version(
        self, subject_id: str, *, model: str, base: str, method: str, spec_json: str, digest: str | None = None
    ) -> SubjectVersionRow:
        """The subject's next version. Raises NotFound."""
        numbers = select(func.max(subject_versions.c.number)).where(subject_versions.c.subject_id == subject_id)
        with self._connections.writing() as connection:
            _subject(connection, subject_id)
            row = SubjectVersionRow(
                id=new_id(),
                subject_id=subject_id,
                number=int(scalar(connection, numbers) or 0) + 1,
                model=storable(model),
                base=base,
                method=method,
                digest=digest,
                job_id=None,
                spec_json=spec_json,
                report_json="{}",
                created_at=time.time(),
            )
            connection.execute(subject_versions.insert().values({c.name: getattr(row, c.name) for c in _VERSION}))
        return row

    def change_subject_version(
        self,
        version_id: str,
        *,
        digest: str | None = None,
        report_json: str | None = None,
        job_id: str | None = None,
        spec_json: str | None = None,
    ) -> SubjectVersionRow:
        """Note what is known now of a version; what is None stays. Raises NotFound."""
        told = {"digest": digest, "report_json": report_json, "job_id": job_id, "spec_json": spec_json}
        values = {name: value for name, value in told.items() if value is not None}
        with self._connections.writing() as connection:
            if values:
                mine = subject_versions.c.id == version_id
                connection.execute(update(subject_versions).where(mine).values(values))
            return _version(connection, version_id)

    def subjects(self) -> tuple[SubjectRow, ...]:
        """The living subjects, the newest first."""
        query = select(*_SUBJECT).where(subjects.c.deleted_at.is_(None)).order_by(subjects.c.created_at.desc())
        with self._connections.reading() as connection:
            return tuple(record(SubjectRow, row, _WHAT) for row in connection.execute(query).all())

    def subject(self, subject_id: str) -> SubjectRow:
        """One subject, also while it waits in the trash. Raises NotFound."""
        with self._connections.reading() as connection:
            return _subject(connection, subject_id)

    def subject_of_token(self, token: str) -> SubjectRow:
        """The living subject of a token. Raises NotFound."""
        query = select(*_SUBJECT).where(subjects.c.token == token, subjects.c.deleted_at.is_(None)).limit(1)
        with self._connections.reading() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            raise NotFound(f"There is no subject {token[:60]} here.", "Train it, or import its file.")
        return record(SubjectRow, row, _WHAT)

    def subject_versions(self, subject_id: str) -> tuple[SubjectVersionRow, ...]:
        """Every version of a subject, the newest first."""
        query = select(*_VERSION).where(subject_versions.c.subject_id == subject_id)
        with self._connections.reading() as connection:
            rows = connection.execute(query.order_by(subject_versions.c.number.desc())).all()
        return tuple(record(SubjectVersionRow, row, _WHAT) for row in rows)

    def subject_version(self, version_id: str) -> SubjectVersionRow:
        """One version. Raises NotFound."""
        with self._connections.reading() as connection:
            return _version(connection, version_id)

    def rename_subject(self, subject_id: str, name: str) -> SubjectRow:
        """Give a subject another name; its token stays. Raises NotFound."""
        return self._change_subject(subject_id, {"name": storable(name).strip()[:200] or "subject"})

    def set_subject_strength(self, subject_id: str, strength: float) -> SubjectRow:
        """The strength for prompts that name none. Raises NotFound."""
        return self._change_subject(subject_id, {"strength": min(2.0, max(0.0, float(strength)))})

    def delete_subject(self, subject_id: str) -> SubjectRow:
        """Put a subject into the trash; its token is free again, clips made with it can still be made again."""
        return self._change_subject(subject_id, {"deleted_at": time.time()})

    def restore_subject(self, subject_id: str) -> SubjectRow:
        """Take a subject out of the trash. Raises GimbalError where another has its token by now."""
        with self._connections.writing() as connection:
            row = _subject(connection, subject_id)
            if row.deleted_at is not None:
                _refuse_taken(connection, row.token)
            connection.execute(update(subjects).where(subjects.c.id == subject_id).values(deleted_at=None))
            return _subject(connection, subject_id)

    def _change_subject(self, subject_id: str, values: dict[str, object]) -> SubjectRow:
        with self._connections.writing() as connection:
            connection.execute(update(subjects).where(subjects.c.id == subject_id).values(values))
            return _subject(connection, subject_id)


def _refuse_taken(connection: Connection, token: str) -> None:
    taken = select(subjects.c.id).where(subjects.c.token == token, subjects.c.deleted_at.is_(None)).limit(1)
    if scalar(connection, taken) is not None:
        hint = "Choose another token, or train that subject again as a new version."
        raise GimbalError(f"There is a subject {token} already.", hint)


def _subject(connection: Connection, subject_id: str) -> SubjectRow:
    row = connection.execute(select(*_SUBJECT).where(subjects.c.id == subject_id)).one_or_none()
    return record(SubjectRow, row, _WHAT)


def _version(connection: Connection, version_id: str) -> SubjectVersionRow:
    row = connection.execute(select(*_VERSION).where(subject_versions.c.id == version_id)).one_or_none()
    return record(SubjectVersionRow, row, _WHAT)
