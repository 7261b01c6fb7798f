from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.domain.camera.path import CameraKey, CameraPath
from pipelines.domain.camera.plan_text import path_from_text
from pipelines.domain.errors import GimbalError, InvalidRequest
from projects_db.connection import connect
from projects_db.migrations import bring_up_to_date
from projects_db.records import NotFound
from projects_db.repository import Repository
from tests.projects_db.samples import clip

ORBIT, PAN = path_from_text("orbit left 90"), path_from_text("pan right 30")


def test_every_save_under_a_name_is_a_new_version(repository: Repository, project: str) -> None:
    first = repository.save_camera_path(project, " Round the \n ball ", ORBIT)
    second = repository.save_camera_path(project, "Round the ball", PAN)
    assert (first.name, first.version, second.version) == ("Round the ball", 1, 2)
    assert first.path == ORBIT and second.path == PAN
    assert repository.camera_path_versions(project, "Round the ball") == (second, first)
    assert repository.camera_path(first.id) == first


def test_saving_the_same_path_again_makes_no_version(repository: Repository, project: str) -> None:
    first = repository.save_camera_path(project, "Orbit", ORBIT)
    assert repository.save_camera_path(project, "Orbit", ORBIT) == first
    assert repository.save_camera_path(project, "Orbit", PAN).version == 2
    assert repository.save_camera_path(project, "Orbit", ORBIT).version == 3


def test_the_list_holds_the_newest_version_of_each_name_of_one_project(repository: Repository, project: str) -> None:
    other = repository.create_project("Other").id
    repository.save_camera_path(project, "A", ORBIT)
    b = repository.save_camera_path(project, "B", ORBIT)
    a = repository.save_camera_path(project, "A", PAN)
    elsewhere = repository.save_camera_path(other, "A", ORBIT)
    assert repository.camera_paths(project) == (a, b)
    assert repository.camera_paths(other) == (elsewhere,) and elsewhere.version == 1


def test_a_deleted_path_comes_back_with_all_of_its_versions(repository: Repository, project: str) -> None:
    kept = [repository.save_camera_path(project, "A", path) for path in (ORBIT, PAN)]
    repository.delete_camera_paths(project, "A")
    assert repository.camera_paths(project) == () == repository.camera_path_versions(project, "A")
    assert repository.camera_path(kept[0].id).deleted_at is not None
    with pytest.raises(NotFound):
        repository.delete_camera_paths(project, "A")
    repository.restore_camera_paths(project, "A")
    assert repository.camera_path_versions(project, "A") == tuple(reversed(kept))


def test_a_name_that_was_deleted_counts_on(repository: Repository, project: str) -> None:
    repository.save_camera_path(project, "A", ORBIT)
    repository.delete_camera_paths(project, "A")
    assert repository.save_camera_path(project, "A", ORBIT).version == 2


def test_renaming_takes_all_versions_along_and_never_joins_two_paths(repository: Repository, project: str) -> None:
    rows = [repository.save_camera_path(project, "A", path) for path in (ORBIT, PAN)]
    repository.save_camera_path(project, "B", ORBIT)
    with pytest.raises(GimbalError, match="already"):
        repository.rename_camera_paths(project, "A", "B")
    repository.delete_camera_paths(project, "B")
    repository.rename_camera_paths(project, "A", "B")
    found = repository.camera_path_versions(project, "B")
    assert found == tuple(replace(row, name="B") for row in reversed(rows))
    with pytest.raises(NotFound):
        repository.rename_camera_paths(project, "A", "C")


def test_an_unfinished_sketch_is_kept_but_no_nonsense(repository: Repository, project: str) -> None:
    sketch = CameraPath(keys=ORBIT.keys[:1])
    assert repository.save_camera_path(project, "A", sketch).path == sketch
    nonsense = CameraPath(keys=(CameraKey(time=0, position=(float("nan"), 0, 0)),))
    with pytest.raises(InvalidRequest):
        repository.save_camera_path(project, "A", nonsense)
    with pytest.raises(GimbalError, match="name"):
        repository.save_camera_path(project, " ", ORBIT)
    with pytest.raises(NotFound):
        repository.save_camera_path("0" * 16, "A", ORBIT)
    with pytest.raises(NotFound):
        repository.camera_path("0" * 16)
    with pytest.raises(NotFound):
        repository.restore_camera_paths(project, "never")


def test_a_history_from_before_there_were_cameras_keeps_its_clips(tmp_path: Path) -> None:
    path = tmp_path / "gimbal.sqlite3"
    bring_up_to_date(path, tmp_path / "backups", target="0002")
    with closing(connect(path)) as raw:
        (project,) = raw.execute("SELECT id FROM projects").fetchone()
        fields = {name: getattr(clip(1, project), name) for name in clip(1, project).__slots__} | {"number": 77}
        marks = ", ".join("?" * len(fields))
        raw.execute(f"INSERT INTO clips ({', '.join(fields)}) VALUES ({marks})", [*fields.values()])
    bring_up_to_date(path, tmp_path / "backups")
    assert list((tmp_path / "backups").iterdir())
    with Repository.open(path, backups=tmp_path) as repository:
        assert [row.id for row in repository.search_clips("ball").clips] == [f"{1:016x}"]
        assert repository.save_camera_path(project, "A", ORBIT).version == 1


def test_camera_paths_of_a_damaged_history_are_salvaged(tmp_path: Path) -> None:
    old = tmp_path / "gimbal.sqlite3"
    with Repository.open(old, backups=tmp_path) as repository:
        row = repository.save_camera_path(repository.list_projects()[0].id, "A", ORBIT)
        lost = repository.save_camera_path(repository.list_projects()[0].id, "B", PAN)
    with closing(connect(old)) as raw:
        raw.execute("UPDATE camera_paths SET path_json = '{' WHERE id = ?", (lost.id,))
    with Repository.open(tmp_path / "new.sqlite3", backups=tmp_path) as repository:
        assert repository.salvage(old).camera_paths == 1
        assert repository.camera_path(row.id) == row
