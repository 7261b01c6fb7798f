from __future__ import annotations

import pytest

from pipelines.domain.errors import GimbalError
from projects_db.records import NotFound
from projects_db.repository import Repository
from tests.projects_db.samples import clip, request


def numbers(repository: Repository, text: str = "", **filters: object) -> list[int]:
    page = repository.search_clips(text, **filters)  # type: ignore[arg-type]
    return [int(row.id, 16) for row in page.clips]


@pytest.fixture
def wall(repository: Repository, project: str) -> str:
    """Five clips; the id of the second project, which holds clip 4."""
    other = repository.create_project("Trailers").id
    repository.insert_clips(
        [
            clip(1, project, "a red ball rolls on grass"),
            clip(2, project, "a blue box spins on sand", model="wan-2.1"),
            clip(3, project, "a red box falls, slowly", rating=4),
            clip(4, other, "Ein grüner Würfel fällt"),
            clip(5, project, "赤いボールが転がる", rating=5),
        ]
    )
    return other


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", [5, 4, 3, 2, 1]),
        ("red", [3, 1]),
        ("RED Box", [3]),
        ("bal gra", [1]),
        ("wurfel", [4]),
        ("Würfel", [4]),
        ("ボール", [5]),
        ("red elephant", []),
        ('"red" OR box*) NOT', []),
        ("rolls, on - grass!", [1]),
        ("slowly ,", [3]),
        ("falls, slowly", [3]),
        ("toybox", []),
        ("live", []),
        ("!!", []),
        (",", [3]),
        ("_", []),
        ("\ud83d", []),
        ("prompt:red", []),
    ],
)
def test_search_finds_clips_that_hold_every_word_newest_first(
    repository: Repository, wall: str, text: str, found: list[int]
) -> None:
    assert numbers(repository, text) == found


def test_filters_and_words_hold_together(repository: Repository, wall: str) -> None:
    assert numbers(repository, project_id=wall) == [4]
    assert numbers(repository, model="wan-2.1") == [2]
    assert numbers(repository, model="wan-2") == []
    assert numbers(repository, min_rating=4) == [5, 3]
    assert numbers(repository, min_rating=5) == [5]
    assert numbers(repository, "red", min_rating=4, model="toybox") == [3]
    assert numbers(repository, "red", project_id=wall) == []
    assert numbers(repository, project_id='x" OR live') == []


def test_pages_follow_each_other_without_gap_or_repeat(repository: Repository, project: str) -> None:
    repository.insert_clips(clip(n, project) for n in range(25))
    seen: list[str] = []
    page = repository.search_clips("ball", limit=10)
    while True:
        seen += [row.id for row in page.clips]
        if page.cursor is None:
            break
        repository.insert_clip(clip(1000 + len(seen), project))  # newer clips come in meanwhile
        page = repository.search_clips("ball", limit=10, cursor=page.cursor)
    assert seen == [f"{n:016x}" for n in reversed(range(25))]


def test_clips_of_one_moment_are_all_kept_and_paged(repository: Repository, project: str) -> None:
    repository.insert_clips(clip(n, project, created_at=5.0) for n in range(6))
    repository.insert_clip(clip(6, project, created_at=5.0))
    first = repository.search_clips(limit=4)
    second = repository.search_clips(limit=4, cursor=first.cursor)
    assert len({row.id for row in first.clips + second.clips}) == 7
    assert second.cursor is None


def test_a_cursor_nobody_gave_out_is_refused(repository: Repository) -> None:
    for cursor in ("", "x", "-1", "1; DROP TABLE clips", "9" * 40):
        with pytest.raises(GimbalError):
            repository.search_clips(cursor=cursor)


def test_a_rating_is_found_at_once_and_stays_within_five(repository: Repository, project: str) -> None:
    repository.insert_clip(clip(1, project))
    assert repository.rate_clip(f"{1:016x}", 3).rating == 3
    assert numbers(repository, "ball", min_rating=3) == [1]
    repository.rate_clip(f"{1:016x}", 0)
    assert numbers(repository, min_rating=1) == []
    for wrong in (-1, 6):
        with pytest.raises(GimbalError):
            repository.rate_clip(f"{1:016x}", wrong)


def test_deleting_moves_to_the_trash_and_undo_brings_back(repository: Repository, wall: str) -> None:
    ids = [f"{n:016x}" for n in (1, 3)]
    repository.rate_clip(ids[1], 5)
    assert set(repository.delete_clips(ids)) == set(ids)
    assert repository.delete_clips(ids) == ()
    assert numbers(repository, "red") == []
    assert numbers(repository, "red", deleted=True) == [3, 1]
    assert set(repository.restore_clips([*ids, f"{2:016x}"])) == set(ids)
    assert numbers(repository, "red", min_rating=5) == [3]


def test_purging_forgets_only_what_is_in_the_trash(repository: Repository, project: str) -> None:
    job = repository.add_jobs(project, [request().to_json()])[0]
    repository.lease_next(1)
    repository.finish_job(job.id, clip(1, project, job_id=job.id))
    repository.insert_clip(clip(2, project))
    repository.delete_clips([f"{1:016x}"])
    deleted_at = repository.clip(f"{1:016x}").deleted_at
    assert deleted_at is not None
    assert repository.purgeable_clips(deleted_at - 1) == ()
    assert [row.id for row in repository.purgeable_clips(deleted_at)] == [f"{1:016x}"]
    assert repository.purge_clips([f"{1:016x}", f"{2:016x}"]) == (f"{1:016x}",)
    assert numbers(repository) == [2] and numbers(repository, deleted=True) == []
    kept = repository.job(job.id)
    assert (kept.state, kept.clip_id) == ("finished", f"{1:016x}")


def test_a_clip_is_inserted_once(repository: Repository, project: str) -> None:
    assert repository.insert_clip(clip(1, project))
    assert not repository.insert_clip(clip(1, project, prompt="another"))
    assert repository.insert_clips([clip(1, project), clip(2, project), clip(2, project)]) == 1
    assert numbers(repository) == [2, 1]


def test_missing_files_are_marked_and_unmarked(repository: Repository, project: str) -> None:
    repository.insert_clip(clip(1, project))
    repository.mark_missing([f"{1:016x}"], True)
    assert repository.clip(f"{1:016x}").missing_since is not None
    repository.mark_missing([f"{1:016x}"], False)
    assert repository.all_clip_files()[0].missing_since is None


def test_more_clips_than_one_statement_takes_are_deleted_at_once(repository: Repository, project: str) -> None:
    repository.insert_clips(clip(n, project) for n in range(1200))
    assert len(repository.delete_clips(f"{n:016x}" for n in range(1200))) == 1200
    assert numbers(repository) == []


def test_an_unknown_clip_is_told(repository: Repository) -> None:
    with pytest.raises(NotFound):
        repository.clip("0" * 16)
    with pytest.raises(NotFound):
        repository.rate_clip("0" * 16, 1)
    assert repository.delete_clips(["0" * 16]) == ()


def test_the_models_of_the_library_are_listed(repository: Repository, wall: str) -> None:
    assert repository.clip_models() == ("toybox", "wan-2.1")
