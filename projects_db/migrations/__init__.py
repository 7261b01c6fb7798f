"""The versions of the project history and the way from one to the next.

To change the tables: edit `schema.py` and add one file `versions/v<number>_<what>.py`. A number is never used twice.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from pipelines.domain.errors import DatabaseError, NewerDatabase
from projects_db.connection import connect, engine_for_migration
from projects_db.migrations.backup import back_up

_HERE = Path(__file__).parent
_VERSION_TABLE = "alembic_version"


def known_versions() -> tuple[str, ...]:
    """The versions this Gimbal can read, oldest first, such as ("0001", "0002")."""
    return tuple(sorted(path.name[1:5] for path in (_HERE / "versions").glob("v[0-9][0-9][0-9][0-9]_*.py")))


def version_of(connection: sqlite3.Connection) -> str | None:
    """The version of an open file, None where it is empty. Raises DatabaseError when it is somebody else's."""
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not tables:
        return None
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone() if _VERSION_TABLE in tables else None
    if row is None:
        raise DatabaseError(
            "The file gimbal.sqlite3 is a database of another program.",
            "Move it away, or choose another data folder with GIMBAL_HOME.",
        )
    return str(row[0])


def bring_up_to_date(path: Path, backups: Path, target: str = "head") -> None:
    """Migrate a file to `target`, all or nothing; an existing one is copied to `backups` first.

    Raises NewerDatabase when the file was written by a later Gimbal, and leaves it as it is.
    """
    with closing(connect(path)) as connection:
        version = version_of(connection)
    if version == known_versions()[-1]:
        return
    _refuse_newer(version)
    _migrate(path, backups, target)


def _refuse_newer(version: str | None) -> None:
    if version is not None and version not in known_versions():
        raise NewerDatabase(
            f"The project history was written by a newer Gimbal (version {version}; this one reads up to "
            f"{known_versions()[-1]}).",
            "Update Gimbal, or choose another data folder with GIMBAL_HOME. Nothing was changed.",
        )


def _migrate(path: Path, backups: Path, target: str) -> None:
    from alembic import command  # a second of start-up that only a change of version costs
    from alembic.config import Config

    engine = engine_for_migration(path)
    config = Config()
    config.set_main_option("script_location", str(_HERE).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    with engine.begin() as connection:
        with closing(connect(path)) as beside:
            version = version_of(beside)
            _refuse_newer(version)
            if version == known_versions()[-1]:
                return  # another process did it while this one waited for the lock
            if version is not None:
                back_up(beside, backups, version)
        config.attributes["connection"] = connection
        command.upgrade(config, target)
    engine.dispose()
