from __future__ import annotations

import dataclasses

import pytest

from pipelines.domain.errors import GimbalError
from projects_db.records import MediaRow, NotFound
from projects_db.repository import Repository
from tests.projects_db.samples import clip, request


def test_a_new_history_has_one_project(repository: Repository) -> None:
    assert [row.name for row in repository.list_projects()] == ["First project"]


def test_projects_count_their_clips_without_the_trash(repository: Repository, project: str) -> None:
    repository.insert_clips([clip(1, project), clip(2, project)])
    repository.delete_clips([f"{1:016x}"])
    assert repository.project(project).clips == 1


def test_names_are_tidied_and_never_empty(repository: Repository, project: str) -> None:
    assert repository.create_project("  Two \n words ").name == "Two words"
    assert repository.rename_project(project, "Renamed").name == "Renamed"
    for name in ("", "  \t"):
        with pytest.raises(GimbalError):
            repository.create_project(name)
    with pytest.raises(NotFound):
        repository.rename_project("0" * 16, "x")


def test_a_project_with_clips_is_deleted_only_with_them_and_comes_back_with_one(repository: Repository) -> None:
    other = repository.create_project("Trailers").id
    repository.insert_clips([clip(1, other), clip(2, other)])
    with pytest.raises(GimbalError, match="2 clips"):
        repository.delete_project(other)
    assert set(repository.delete_project(other, trash_clips=True)) == {f"{1:016x}", f"{2:016x}"}
    assert other not in [row.id for row in repository.list_projects()]
    with pytest.raises(NotFound):
        repository.add_jobs(other, [request().to_json()])
    repository.restore_clips([f"{2:016x}"])
    assert repository.project(other).clips == 1


def test_the_last_project_and_one_at_work_are_not_deleted(repository: Repository, project: str) -> None:
    with pytest.raises(GimbalError, match="only project"):
        repository.delete_project(project)
    other = repository.create_project("Trailers").id
    job = repository.add_jobs(other, [request().to_json()])[0]
    with pytest.raises(GimbalError, match="in the making"):
        repository.delete_project(other)
    repository.cancel_job(job.id)
    repository.delete_project(other)
    assert repository.job(job.id).project_id == other


def test_the_same_picture_is_registered_once(repository: Repository) -> None:
    row = MediaRow(
        sha256="a" * 64,
        path=f"media/aa/{'a' * 64}.png",
        kind="image",
        width=4,
        height=3,
        num_frames=1,
        fps=None,
        size_bytes=70,
        original_name="cat.png",
        created_at=5.0,
    )
    assert repository.media(row.sha256) is None
    assert repository.add_media(row) == row
    assert repository.add_media(dataclasses.replace(row, original_name="dog.png")) == row
    assert repository.media(row.sha256) == row
    assert repository.all_media() == (row,)
