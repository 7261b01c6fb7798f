"""Clip files that have no row: found in the clips folder after a crash, or brought by a person."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from pipelines.domain.errors import GimbalError
from projects_db.records import ClipRow, JobRow, NotFound, new_id
from projects_db.repository import Repository
from studio.home import Home
from studio.library.files import place, writing
from studio.library.intake import PREFIX, take_in
from studio.library.posters import make_poster
from studio.library.rows import Described, clip_id_of, describe, row_of

Adoption = Literal["finished", "imported", "returned"]


def import_clip(home: Home, repository: Repository, path: Path, project_id: str | None) -> ClipRow:
    """Copy a clip that carries its record into the library. Raises MediaError, StorageError, NoSpace."""
    described = describe(path)
    known = row_with_id(repository, described.record.clip_id)
    if known is not None and known.frames_sha256 == described.record.frames_sha256 and described.record.is_master:
        return _bring_back(home, repository, known, path)
    with _copied(home, path) as copy:
        row = row_of(describe(copy), new_id(), project_id or repository.list_projects()[0].id, None)
        place(copy, home.root / row.path)
    make_poster(home.root / row.path, home.root / row.poster)
    repository.insert_clip(row)
    _keep_media(home, repository, described)
    return row


def _bring_back(home: Home, repository: Repository, known: ClipRow, path: Path) -> ClipRow:
    """The library has this clip: out of the trash with it, and its file to its place if that is gone."""
    if not (home.root / known.path).is_file():
        with _copied(home, path) as copy:
            place(copy, home.root / known.path)
        repository.mark_missing([known.id], False)
    repository.restore_clips([known.id])
    return repository.clip(known.id)


@contextmanager
def _copied(home: Home, path: Path) -> Iterator[Path]:
    folder = home.incoming / f"{PREFIX}{secrets.token_hex(8)}"
    try:
        with writing(home.clips):
            folder.mkdir(parents=True)
            copy = Path(shutil.copyfile(path, folder / f"clip{path.suffix.lower()}"))
        yield copy
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def adopt(home: Home, repository: Repository, file: Path) -> tuple[Adoption, str]:
    """Give a file in the clips folder its row, and tell how with the clip's id.

    finished: the job that made it now has it. returned: its row had missed it. imported: it is a clip of its own.
    Raises MediaError where the file carries no record.
    """
    described = describe(file)
    clip_id = clip_id_of(described.record)
    known, job = row_with_id(repository, clip_id), _job(repository, clip_id)
    if known is not None and not (home.root / known.path).is_file():
        place(file, home.root / known.path)
        repository.mark_missing([clip_id], False)
        return "returned", clip_id
    if known is not None:
        clip_id, job = new_id(), None
    project_id = job.project_id if job is not None else repository.list_projects()[0].id
    row = row_of(described, clip_id, project_id, job.id if job is not None else None)
    if file != home.root / row.path:
        place(file, home.root / row.path)
    how = _write(repository, row, job)
    _keep_media(home, repository, described)
    return how, clip_id


def _write(repository: Repository, row: ClipRow, job: JobRow | None) -> Adoption:
    if job is not None and job.state != "finished":
        repository.finish_job(job.id, row, row.facts_json)
        return "finished"
    repository.insert_clip(row)
    return "imported"


def _keep_media(home: Home, repository: Repository, described: Described) -> None:
    """The small pictures inside a record make its request complete; one that cannot be read is left out."""
    for sha256, data in described.record.media.items():
        try:
            take_in(home, repository, data, sha256[:16])
        except GimbalError:
            continue


def row_with_id(repository: Repository, clip_id: str) -> ClipRow | None:
    """A clip of the history, None where there is none."""
    try:
        return repository.clip(clip_id)
    except NotFound:
        return None


def _job(repository: Repository, job_id: str) -> JobRow | None:
    try:
        return repository.job(job_id)
    except NotFound:
        return None
