"""Projects: folders of clips and jobs. There is always at least one."""

from __future__ import annotations

import time

from sqlalchemy import Connection, func, select, update

from pipelines.domain.errors import GimbalError
from projects_db.records import NotFound, ProjectRow, new_id, storable
from projects_db.schema import clips, jobs, projects
from projects_db.store import Store, record, scalar

_CLIPS = (
    select(func.count())
    .select_from(clips)
    .where(clips.c.project_id == projects.c.id, clips.c.deleted_at.is_(None))
    .scalar_subquery()
    .label("clips")
)
_COLUMNS = (projects.c.id, projects.c.name, projects.c.created_at, _CLIPS)


class Projects(Store):
    """The part of the repository about projects."""

    def create_project(self, name: str) -> ProjectRow:
        """A new, empty project."""
        row = ProjectRow(id=new_id(), name=_checked(name), created_at=time.time())
        with self._connections.writing() as connection:
            connection.execute(
                projects.insert().values(id=row.id, name=row.name, created_at=row.created_at, deleted_at=None)
            )
        return row

    def list_projects(self) -> tuple[ProjectRow, ...]:
        """All projects, the oldest first."""
        query = select(*_COLUMNS).where(projects.c.deleted_at.is_(None))
        with self._connections.reading() as connection:
            rows = connection.execute(query.order_by(projects.c.created_at, projects.c.id)).all()
        return tuple(record(ProjectRow, row, "project") for row in rows)

    def project(self, project_id: str) -> ProjectRow:
        """One project. Raises NotFound."""
        with self._connections.reading() as connection:
            return _project(connection, project_id)

    def rename_project(self, project_id: str, name: str) -> ProjectRow:
        """Give a project another name. Raises NotFound."""
        with self._connections.writing() as connection:
            connection.execute(update(projects).where(projects.c.id == project_id).values(name=_checked(name)))
            return _project(connection, project_id)

    def delete_project(self, project_id: str, *, trash_clips: bool = False) -> tuple[str, ...]:
        """Delete an empty project; with `trash_clips` its clips go to the trash, and their ids are returned.

        Restoring one of these clips brings the project back. Raises GimbalError where it still has clips or waiting
        jobs, or is the only project.
        """
        with self._connections.writing() as connection:
            row = _project(connection, project_id)
            _refuse_deletion(connection, row, trash_clips)
            now = time.time()
            mine = (clips.c.project_id == project_id, clips.c.deleted_at.is_(None))
            gone = tuple(connection.execute(select(clips.c.id).where(*mine)).scalars())
            connection.execute(update(clips).where(*mine).values(deleted_at=now))
            connection.execute(update(projects).where(projects.c.id == project_id).values(deleted_at=now))
        return gone


def first_project(connection: Connection) -> str:
    """The id of the oldest project."""
    query = select(projects.c.id).where(projects.c.deleted_at.is_(None)).order_by(projects.c.created_at)
    return str(scalar(connection, query.limit(1)))


def _project(connection: Connection, project_id: str) -> ProjectRow:
    query = select(*_COLUMNS).where(projects.c.id == project_id, projects.c.deleted_at.is_(None))
    return record(ProjectRow, connection.execute(query).one_or_none(), "project")


def require_project(connection: Connection, project_id: str) -> None:
    """Raises NotFound where there is no such project (or it was deleted)."""
    known = select(projects.c.id).where(projects.c.id == project_id, projects.c.deleted_at.is_(None))
    if scalar(connection, known) is None:
        raise NotFound("There is no such project any more.", "Choose another project.")


def _refuse_deletion(connection: Connection, row: ProjectRow, trash_clips: bool) -> None:
    others = select(projects.c.id).where(projects.c.id != row.id, projects.c.deleted_at.is_(None)).limit(1)
    if scalar(connection, others) is None:
        raise GimbalError(f"“{row.name}” is the only project.", "Make another one first.")
    waiting = select(jobs.c.id).where(jobs.c.project_id == row.id, jobs.c.state.in_(("queued", "running"))).limit(1)
    if scalar(connection, waiting) is not None:
        raise GimbalError(f"“{row.name}” still has clips in the making.", "Cancel them or wait for them.")
    if row.clips and not trash_clips:
        raise GimbalError(f"“{row.name}” still has {row.clips} clips.", "Delete them first.")


def _checked(name: str) -> str:
    name = " ".join(storable(name).split())
    if not name:
        raise GimbalError("A project needs a name.", "Type one.")
    return name[:200]
