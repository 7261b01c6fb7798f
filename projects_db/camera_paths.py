"""Camera paths that a project keeps: every save under a name is a new version, and none is ever overwritten."""

from __future__ import annotations

import time

from sqlalchemy import ColumnElement, Connection, delete, func, select, update

from pipelines.domain.camera.path import CameraPath
from pipelines.domain.camera.text import to_json
from pipelines.domain.errors import GimbalError
from projects_db.projects import require_project
from projects_db.records import CameraPathRow, NotFound, new_id, storable
from projects_db.schema import camera_paths, columns_of
from projects_db.store import Store, record, scalar

_COLUMNS = columns_of(camera_paths, CameraPathRow)
_WHAT = "camera path"


class CameraPaths(Store):
    """The part of the repository about camera paths."""

    def save_camera_path(self, project_id: str, name: str, path: CameraPath) -> CameraPathRow:
        """Keep a path under a name, as its next version; one that equals the newest version is not kept twice.

        An unfinished sketch may be kept, too. Raises NotFound where there is no such project, InvalidRequest where the
        path holds something that is no number.
        """
        name, text = _checked(name), to_json(path)
        with self._connections.writing() as connection:
            require_project(connection, project_id)
            newest = connection.execute(
                select(*_COLUMNS).where(*_named(project_id, name)).order_by(camera_paths.c.version.desc()).limit(1)
            ).one_or_none()
            if newest is not None and newest.path_json == text and newest.deleted_at is None:
                return record(CameraPathRow, newest, _WHAT)
            row = CameraPathRow(
                id=new_id(),
                project_id=project_id,
                name=name,
                version=1 if newest is None else newest.version + 1,
                path_json=text,
                created_at=time.time(),
            )
            connection.execute(camera_paths.insert().values({c.name: getattr(row, c.name) for c in _COLUMNS}))
        return row

    def camera_paths(self, project_id: str) -> tuple[CameraPathRow, ...]:
        """The newest version of every name of a project, the one saved last first."""
        mine = (camera_paths.c.project_id == project_id, camera_paths.c.deleted_at.is_(None))
        newest = select(camera_paths.c.name, func.max(camera_paths.c.version).label("version")).where(*mine)
        newest = newest.group_by(camera_paths.c.name)
        last = newest.subquery()
        query = select(*_COLUMNS).where(*mine).join(
            last, (camera_paths.c.name == last.c.name) & (camera_paths.c.version == last.c.version)
        )  # fmt: skip
        with self._connections.reading() as connection:
            rows = connection.execute(query.order_by(camera_paths.c.created_at.desc(), camera_paths.c.id)).all()
        return tuple(record(CameraPathRow, row, _WHAT) for row in rows)

    def camera_path_versions(self, project_id: str, name: str) -> tuple[CameraPathRow, ...]:
        """Every version of a name, the newest first; none where there is no such name."""
        query = select(*_COLUMNS).where(*_named(project_id, name), camera_paths.c.deleted_at.is_(None))
        with self._connections.reading() as connection:
            rows = connection.execute(query.order_by(camera_paths.c.version.desc())).all()
        return tuple(record(CameraPathRow, row, _WHAT) for row in rows)

    def camera_path(self, path_id: str) -> CameraPathRow:
        """One version, also while it waits in the trash. Raises NotFound."""
        with self._connections.reading() as connection:
            row = connection.execute(select(*_COLUMNS).where(camera_paths.c.id == path_id)).one_or_none()
        return record(CameraPathRow, row, _WHAT)

    def rename_camera_paths(self, project_id: str, name: str, new_name: str) -> None:
        """Give all versions of a name another one. Raises NotFound, and GimbalError where the new name is taken."""
        new_name = _checked(new_name)
        with self._connections.writing() as connection:
            _require(connection, project_id, name)
            if new_name == name:
                return
            taken = select(camera_paths.c.id).where(*_named(project_id, new_name), camera_paths.c.deleted_at.is_(None))
            if scalar(connection, taken.limit(1)) is not None:
                raise GimbalError(f"There is a camera path “{new_name}” already.", "Choose another name.")
            connection.execute(delete(camera_paths).where(*_named(project_id, new_name)))  # what waits in the trash
            connection.execute(update(camera_paths).where(*_named(project_id, name)).values(name=new_name))

    def delete_camera_paths(self, project_id: str, name: str) -> None:
        """Put all versions of a name into the trash. Raises NotFound."""
        with self._connections.writing() as connection:
            _require(connection, project_id, name)
            live = (*_named(project_id, name), camera_paths.c.deleted_at.is_(None))
            connection.execute(update(camera_paths).where(*live).values(deleted_at=time.time()))

    def restore_camera_paths(self, project_id: str, name: str) -> None:
        """Take all versions of a name out of the trash. Raises NotFound where none of that name was ever saved."""
        with self._connections.writing() as connection:
            done = connection.execute(update(camera_paths).where(*_named(project_id, name)).values(deleted_at=None))
            if not done.rowcount:
                raise _unknown(name)


def _named(project_id: str, name: str) -> tuple[ColumnElement[bool], ...]:
    return camera_paths.c.project_id == project_id, camera_paths.c.name == name


def _require(connection: Connection, project_id: str, name: str) -> None:
    live = select(camera_paths.c.id).where(*_named(project_id, name), camera_paths.c.deleted_at.is_(None))
    if scalar(connection, live.limit(1)) is None:
        raise _unknown(name)


def _unknown(name: str) -> NotFound:
    return NotFound(f"There is no camera path “{name[:60]}” any more.", "Look at the list again.")


def _checked(name: str) -> str:
    name = " ".join(storable(name).split())
    if not name:
        raise GimbalError("A camera path needs a name.", "Type one.")
    return name[:200]
