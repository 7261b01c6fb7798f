"""Subjects in the history: tokens that are taken once, versions that count, jobs that make no clip."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.domain.errors import GimbalError
from projects_db.records import NotFound
from projects_db.repository import Repository


def add_version(repository: Repository, subject_id: str) -> int:
    row = repository.add_subject_version(subject_id, model="toybox", base="b", method="both", spec_json="{}")
    return row.number


def test_a_token_belongs_to_one_living_subject(repository: Repository) -> None:
    first = repository.add_subject("<my-dog>", "Rex", "dog")
    with pytest.raises(GimbalError, match="already"):
        repository.add_subject("<my-dog>", "Other", "cat")
    repository.delete_subject(first.id)
    second = repository.add_subject("<my-dog>", "Other", "cat")
    assert repository.subject_of_token("<my-dog>").id == second.id
    with pytest.raises(GimbalError, match="already"):
        repository.restore_subject(first.id)
    assert [row.id for row in repository.subjects()] == [second.id]


def test_every_training_is_the_next_version_and_keeps_what_it_told(repository: Repository) -> None:
    subject = repository.add_subject("<my-dog>", "", "dog")
    assert [add_version(repository, subject.id) for _ in range(3)] == [1, 2, 3]
    newest = repository.subject_versions(subject.id)[0]
    changed = repository.change_subject_version(newest.id, digest="d", report_json='{"steps": 3}')
    assert (changed.number, changed.digest, changed.report_json) == (3, "d", '{"steps": 3}')
    assert repository.change_subject_version(newest.id).digest == "d"
    with pytest.raises(NotFound):
        repository.add_subject_version("0" * 16, model="m", base="b", method="lora", spec_json="{}")


def test_a_task_waits_in_the_same_queue_and_teaches_no_estimate(repository: Repository) -> None:
    project = repository.list_projects()[0].id
    row = repository.add_task(project, "train_subject", '{"anything": 1}', model="toybox", title="Train <my-dog>")
    leased = repository.lease_next(1)
    assert leased is not None and (leased.id, leased.task, leased.state) == (row.id, "train_subject", "running")
    done = repository.finish_task(row.id, '{"seconds": 1, "flops": 1, "peak_bytes": 1}')
    assert (done.state, done.clip_id, repository.past_runs("toybox")) == ("finished", None, ())


def test_subjects_of_a_damaged_history_are_salvaged(tmp_path: Path) -> None:
    old = tmp_path / "gimbal.sqlite3"
    with Repository.open(old, backups=tmp_path) as repository:
        subject = repository.add_subject("<my-dog>", "Rex", "dog")
        add_version(repository, subject.id)
        repository.add_task(repository.list_projects()[0].id, "train_subject", "{}", model="m", title="t")
    with Repository.open(tmp_path / "new.sqlite3", backups=tmp_path) as repository:
        salvaged = repository.salvage(old)
        assert (salvaged.subjects, salvaged.subject_versions, salvaged.jobs) == (1, 1, 1)
        assert repository.subject_of_token("<my-dog>").name == "Rex"
