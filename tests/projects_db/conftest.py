from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from projects_db.repository import Repository


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Repository]:
    """A new history in a folder of its own."""
    with Repository.open(tmp_path / "gimbal.sqlite3", backups=tmp_path / "backups") as opened:
        yield opened


@pytest.fixture
def project(repository: Repository) -> str:
    """The id of the project that is always there."""
    return repository.list_projects()[0].id
