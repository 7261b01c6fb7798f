"""Whatever was cut off, the next start puts files and rows together again."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from projects_db.connection import connect
from studio.home import prepare
from studio.library import Library, Reconciliation
from tests.studio.library_samples import files, leased, open_library, produce, stored
from tests.studio.media.samples import png

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def library(home: Path) -> Iterator[Library]:
    opened = open_library(home)
    yield opened
    opened.repository.close()


def assert_in_order(library: Library) -> None:
    """No row without its file, no file without its row."""
    rows = library.repository.all_clip_files()
    media = {row.path for row in library.repository.all_media()}
    assert files(library) == {row.path for row in rows} | {row.poster for row in rows} | media
    assert library.reconcile() == Reconciliation()


def die_at(point: str, home: Path, action: str) -> None:
    """Do something with the library in another process that ends itself at a place in the code."""
    script = f"""
from pathlib import Path
from tests.studio.library_samples import leased, open_library, produce
library = open_library(Path({str(home)!r}))
{action}
"""
    env = os.environ | {"GIMBAL_CRASH_AT": point}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=env, capture_output=True, text=True, timeout=120
    )
    assert done.returncode not in (0, 1), done.stderr


@pytest.mark.parametrize("point", ["checked", "poster_placed", "renamed", "committed"])
def test_a_crash_while_storing_leaves_the_job_queued_or_its_clip_kept(library: Library, point: str) -> None:
    job = leased(library)
    action = f"job = library.repository.job({job.id!r})\nlibrary.store(job, produce(library, job))"
    die_at(f"library.{point}", library.home.root, action)
    done = library.reconcile()
    if point in ("renamed", "committed"):
        assert done.finished == ((job.id,) if point == "renamed" else ())
        assert library.repository.job(job.id).state == "finished"
        assert library.repository.clip(job.id).job_id == job.id
    else:
        assert library.repository.job(job.id).state == "running"
        assert files(library) == set()
    assert_in_order(library)


@pytest.mark.parametrize("point", ["trashed", "purged"])
def test_a_crash_while_emptying_the_trash_is_finished_by_the_next_start(library: Library, point: str) -> None:
    kept, gone = stored(library, 1), stored(library, 2)
    library.delete([gone.id])
    die_at(f"library.{point}", library.home.root, "library.purge()")
    library.reconcile()
    assert [row.id for row in library.repository.all_clip_files()] == [kept.id]
    assert_in_order(library)


def test_a_clip_restored_while_its_trash_was_emptied_gets_its_file_back(library: Library) -> None:
    clip = stored(library)
    library.delete([clip.id])
    die_at("library.trashed", library.home.root, "library.purge()")
    library.undo_delete([clip.id])
    library.reconcile()
    assert library.repository.clip(clip.id) == clip
    assert_in_order(library)


def test_a_finished_clip_beats_a_stop_that_came_too_late(library: Library) -> None:
    job = leased(library)
    die_at(
        "library.renamed",
        library.home.root,
        f"job = library.repository.job({job.id!r})\nlibrary.store(job, produce(library, job))",
    )
    library.repository.stop_job(job.id)
    assert library.reconcile().finished == (job.id,)
    assert library.repository.job(job.id).state == "finished"


def test_temporary_files_are_swept_but_not_an_upload_of_another_process(library: Library) -> None:
    job = leased(library)
    produce(library, job)
    upload = library.home.incoming / "media-0123"
    upload.mkdir()
    (upload / "picture.png").write_bytes(png())
    old = library.home.incoming / "media-4567"
    old.mkdir()
    os.utime(old, (time.time() - 86_400,) * 2)
    (library.home.posters / ".abc.part.webp").write_bytes(b"x")
    assert library.reconcile().swept == 4
    assert files(library) == {"incoming/media-0123/picture.png"}


def test_a_vanished_file_is_told_and_found_again(library: Library) -> None:
    clip = stored(library)
    away = library.home.root / "away.mp4"
    shutil.move(library.clip_path(clip), away)
    done = library.reconcile()
    assert done.missing == (clip.id,)
    assert len(done.lines()) == 1
    assert library.repository.clip(clip.id).missing_since is not None
    assert library.reconcile().missing == (clip.id,)
    shutil.move(away, library.home.clips / "2026-09" / "renamed by hand.mp4")
    assert library.reconcile().returned == (clip.id,)
    assert library.repository.clip(clip.id) == clip
    assert_in_order(library)


def test_a_vanished_file_of_the_trash_is_forgotten(library: Library) -> None:
    clip = stored(library)
    library.delete([clip.id])
    library.clip_path(clip).unlink()
    assert library.reconcile().forgotten == (clip.id,)
    assert_in_order(library)


def test_posters_are_mended_and_orphans_removed(library: Library) -> None:
    clip = stored(library)
    library.poster_path(clip).rename(library.home.posters / "0123456789abcdef.webp")
    assert library.reconcile().posters == 1
    assert_in_order(library)


def test_a_copied_clip_becomes_a_clip_of_its_own(library: Library) -> None:
    clip = stored(library)
    shutil.copy(library.clip_path(clip), library.home.clips / "2026-09" / "copy.mp4")
    (other,) = library.reconcile().imported
    assert other != clip.id
    assert library.repository.clip(other).frames_sha256 == clip.frames_sha256
    assert_in_order(library)


def test_a_file_that_carries_no_record_is_set_aside_and_never_deleted(library: Library) -> None:
    month = library.home.clips / "2026-09"
    for content in (b"holiday", b"other"):
        month.mkdir(exist_ok=True)
        (month / "film.mp4").write_bytes(content)
        assert len(library.reconcile().unreadable) == 1
    aside = library.home.trash / "unreadable"
    assert {path.read_bytes() for path in aside.iterdir()} == {b"holiday", b"other"}
    library.purge()
    assert len([*aside.iterdir()]) == 2


def test_media_without_a_row_are_registered_and_lost_ones_told(library: Library) -> None:
    row = library.add_media(png(), "ball.png")
    with closing(connect(library.home.database)) as raw:
        raw.execute("DELETE FROM media")
    library.reconcile()
    again = library.repository.media(row.sha256)
    assert again is not None and again.path == row.path
    library.media_path(row.sha256).unlink()
    assert library.reconcile().lost_media == (again.original_name,)


def damage(home: Path, first_page: int, pages: int) -> None:
    path = home / "gimbal.sqlite3"
    data = bytearray(path.read_bytes())
    end = min(len(data), (first_page + pages) * 4096)
    data[first_page * 4096 : end] = random.Random(1).randbytes(end - first_page * 4096)
    path.write_bytes(bytes(data))


def filled(home: Path) -> Library:
    """Two clips (the second rated, in a project of its own), a picture, a queued job."""
    library = open_library(home)
    stored(library, 1)
    clip = stored(library, 2)
    library.repository.rate_clip(clip.id, 5)
    library.add_media(png(), "ball.png")
    project = library.repository.create_project("Trailers").id
    library.repository.add_jobs(project, [library.repository.clip(clip.id).request_json])
    library.repository.close()
    return library


def test_a_history_that_is_beyond_reading_is_rebuilt_from_the_clips(home: Path) -> None:
    before = files(filled(home))
    damage(home, 0, 10_000)
    library, rebuilt = Library.open(home)
    assert rebuilt is not None
    assert (rebuilt.from_files, rebuilt.salvaged.jobs, rebuilt.salvaged.clips) == (2, 0, 0)
    assert rebuilt.damaged.is_file() and "damaged" in rebuilt.lines()[0]
    clips = library.repository.search_clips("ball").clips
    assert sorted((clip.prompt, clip.seed, clip.rating) for clip in clips) == [
        ("a red ball rolls on grass, take 1", 1, 0),
        ("a red ball rolls on grass, take 2", 2, 0),
    ]
    library.reconcile()
    assert files(library) == before
    assert_in_order(library)
    library.repository.close()
    again, nothing = Library.open(home)
    assert nothing is None
    again.repository.close()


def root_page(home: Path, table: str) -> int:
    with closing(connect(home / "gimbal.sqlite3")) as raw:
        page = raw.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", [table]).fetchone()[0]
        return int(page) - 1


def test_what_can_be_read_of_a_damaged_history_is_kept(home: Path) -> None:
    filled(home)
    damage(home, root_page(home, "media"), 1)
    library, rebuilt = Library.open(home)
    assert rebuilt is not None
    assert (rebuilt.salvaged.clips, rebuilt.salvaged.jobs, rebuilt.from_files) == (2, 3, 0)
    repository = library.repository
    assert [row.name for row in repository.list_projects()] == ["First project", "Trailers"]
    assert [row.rating for row in repository.search_clips("take 2").clips] == [5]
    (waiting,) = repository.list_jobs(("queued",))
    assert repository.project(waiting.project_id).name == "Trailers"
    library.reconcile()
    assert len(repository.all_media()) == 1
    assert_in_order(library)
    repository.close()


def test_clips_that_can_no_longer_be_read_come_from_their_files(home: Path) -> None:
    filled(home)
    damage(home, root_page(home, "clips"), 1)
    library, rebuilt = Library.open(home)
    assert rebuilt is not None
    assert (rebuilt.salvaged.clips, rebuilt.from_files) == (0, 2)
    assert {row.job_id for row in library.repository.search_clips().clips} == {
        row.id for row in library.repository.list_jobs(("finished",))
    }
    library.reconcile()
    assert_in_order(library)
    library.repository.close()


@pytest.mark.parametrize("seed", range(6))
def test_no_random_damage_loses_a_clip_or_stops_the_studio(home: Path, seed: int) -> None:
    filled(home)
    path = home / "gimbal.sqlite3"
    data = bytearray(path.read_bytes())
    rng = random.Random(seed)
    for _ in range(12):
        data[rng.randrange(len(data))] = rng.randrange(256)
    at = rng.randrange(len(data) // 4096) * 4096
    data[at : at + 4096] = rng.randbytes(4096)
    path.write_bytes(bytes(data))
    prepare(home)
    library, _ = Library.open(home)
    library.reconcile()
    seeds = [clip.seed for clip in library.repository.search_clips().clips]
    assert sorted(seeds) == [1, 2]
    assert_in_order(library)
    library.repository.close()
