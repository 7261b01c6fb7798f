"""Storing, deleting, importing: what a person does with clips."""

from __future__ import annotations

import dataclasses
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.domain.conditioning import ExtendClip
from pipelines.domain.errors import MediaError, StorageError
from projects_db.records import NotFound
from studio.export import ExportOptions, export
from studio.library import Library
from studio.library.files import sha256_of
from studio.library.library import TRASH_SECONDS
from studio.media import probe
from tests.studio.library_samples import files, leased, open_library, produce, request, stored
from tests.studio.media.samples import moving, png


@pytest.fixture
def library(home: Path) -> Iterator[Library]:
    opened = open_library(home)
    yield opened
    opened.repository.close()


def test_a_clip_that_extends_another_knows_it(library: Library) -> None:
    old = stored(library)
    media = library.add_media(library.clip_path(old), "old.mp4").sha256
    asked = dataclasses.replace(request(2), conditioning=(ExtendClip(media=media, keep=1),))
    library.repository.add_jobs(library.repository.list_projects()[0].id, [asked.to_json()])
    job = library.repository.lease_next(1)
    assert job is not None and library.store(job, produce(library, job)).parent_clip_id == old.id


def test_a_stored_clip_has_its_file_its_poster_and_a_finished_job(library: Library) -> None:
    job = leased(library)
    clip = library.store(job, produce(library, job))
    assert library.repository.clip(clip.id) == clip
    assert (library.repository.job(job.id).state, library.repository.job(job.id).clip_id) == ("finished", clip.id)
    assert files(library) == {clip.path, clip.poster}
    assert clip.path == f"clips/2026-09/{job.id}.mp4"
    path = library.clip_path(clip)
    assert (clip.size_bytes, clip.file_sha256) == (path.stat().st_size, sha256_of(path))
    assert (clip.width, clip.height, clip.num_frames, clip.fps, clip.seed) == (32, 32, 5, 8.0, 1)
    assert clip.request_json == job.request_json
    assert probe(library.poster_path(clip)).container == "webp"


def test_storing_a_job_twice_keeps_the_first_clip(library: Library) -> None:
    job = leased(library)
    first = library.store(job, produce(library, job))
    second = library.store(job, produce(library, job))
    assert second == first
    assert files(library) == {first.path, first.poster}


def test_a_file_of_another_job_is_refused_and_nothing_changes(library: Library) -> None:
    one, other = leased(library, 1), leased(library, 2)
    produced = produce(library, other)
    for wrong in (
        produced,
        dataclasses.replace(produced, clip_id=one.id),
        dataclasses.replace(produce(library, one), frames_sha256="0" * 64),
    ):
        with pytest.raises(MediaError):
            library.store(one, wrong)
    assert library.repository.job(one.id).state == "running"
    assert library.repository.search_clips().clips == ()


def test_a_truncated_file_is_refused(library: Library) -> None:
    job = leased(library)
    produced = produce(library, job)
    produced.path.write_bytes(produced.path.read_bytes()[:200])
    with pytest.raises(MediaError):
        library.store(job, produced)


def test_a_place_that_cannot_be_written_is_told_and_the_job_goes_on(library: Library) -> None:
    job = leased(library)
    produced = produce(library, job)
    shutil.rmtree(library.home.clips)
    library.home.clips.write_text("a file in the way")
    with pytest.raises(StorageError):
        library.store(job, produced)
    assert library.repository.job(job.id).state == "running"
    library.home.clips.unlink()
    assert library.store(job, produced).job_id == job.id


def test_a_deleted_clip_keeps_its_files_until_the_trash_is_emptied(library: Library) -> None:
    kept, gone = stored(library, 1), stored(library, 2)
    library.delete([gone.id])
    assert [clip.id for clip in library.repository.search_clips().clips] == [kept.id]
    assert {gone.path, gone.poster} < files(library)
    assert library.undo_delete([gone.id]) == (gone.id,)
    assert library.repository.clip(gone.id) == gone
    library.delete([gone.id])
    assert library.purge() == (gone.id,)
    assert files(library) == {kept.path, kept.poster}
    with pytest.raises(NotFound):
        library.repository.clip(gone.id)
    assert library.repository.job(gone.id).state == "finished"


def test_the_trash_is_purged_after_thirty_days_and_not_before(library: Library) -> None:
    clip = stored(library)
    library.delete([clip.id])
    library.reconcile()
    assert clip.path in files(library)
    assert library.purge(time.time() - TRASH_SECONDS) == ()
    assert library.purge(time.time() + 1) == (clip.id,)
    assert files(library) == set()


def test_a_poster_that_is_gone_is_made_again_when_it_is_looked_at(library: Library) -> None:
    clip = stored(library)
    library.poster_path(clip).unlink()
    assert probe(library.poster_path(clip)).width == 32


def test_a_clip_of_another_library_is_imported_with_its_picture(library: Library, tmp_path: Path) -> None:
    picture = png()
    other = open_library(tmp_path / "other")
    row = other.add_media(picture, "ball.png")
    other.repository.add_jobs(other.repository.list_projects()[0].id, [request(3, (row.sha256,)).to_json()])
    job = other.repository.lease_next(1)
    assert job is not None
    theirs = other.store(job, produce(other, job, picture=picture))
    ours = library.import_clip(other.clip_path(theirs))
    assert (ours.prompt, ours.frames_sha256, ours.created_at) == (
        theirs.prompt,
        theirs.frames_sha256,
        theirs.created_at,
    )
    assert ours.job_id is None
    assert library.media_path(row.sha256).read_bytes() == picture
    assert other.clip_path(theirs).is_file()
    other.repository.close()


def test_importing_a_clip_that_is_in_the_trash_brings_it_back(library: Library, tmp_path: Path) -> None:
    clip = stored(library)
    copy = Path(shutil.copy(library.clip_path(clip), tmp_path / "copy.mp4"))
    library.delete([clip.id])
    assert library.import_clip(copy) == clip
    assert len(library.repository.search_clips().clips) == 1


def test_importing_a_clip_whose_file_was_lost_mends_it(library: Library, tmp_path: Path) -> None:
    clip = stored(library)
    copy = Path(shutil.move(library.clip_path(clip), tmp_path / "copy.mp4"))
    library.reconcile()
    assert library.import_clip(copy) == clip
    assert library.clip_path(clip).is_file()
    assert library.reconcile().missing == ()


def test_an_export_of_a_clip_is_imported_beside_it(library: Library, tmp_path: Path) -> None:
    clip = stored(library)
    target = tmp_path / "part.mp4"
    export(library.clip_path(clip), target, ExportOptions(format="mp4", start=1, end=4))
    imported = library.import_clip(target)
    assert imported.id != clip.id
    assert imported.num_frames == 3
    assert library.repository.clip(clip.id) == clip


def test_a_clip_without_a_record_is_not_imported(library: Library, tmp_path: Path) -> None:
    clip = stored(library)
    bare = tmp_path / "bare.mp4"
    data = library.clip_path(clip).read_bytes()
    bare.write_bytes(data.replace(b"gimbal", b"lambig"))
    with pytest.raises(MediaError):
        library.import_clip(bare)
    assert files(library) == {clip.path, clip.poster}


def test_different_clips_of_one_request_are_both_kept(library: Library) -> None:
    first = stored(library, 1)
    job = leased(library, 1)
    second = library.store(job, produce(library, job, moving(5, 32, 32, 4.0)))
    assert first.id != second.id
    assert len(library.repository.search_clips().clips) == 2
