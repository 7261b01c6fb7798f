from __future__ import annotations

import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.domain.errors import GimbalError, InvalidRequest
from projects_db.records import JobRow, NotFound
from projects_db.repository import Repository
from tests.projects_db.samples import clip, request


def add(repository: Repository, count: int = 1) -> list[str]:
    project = repository.list_projects()[0].id
    rows = repository.add_jobs(project, [request(seed=seed).to_json() for seed in range(count)])
    return [row.id for row in rows]


def waiting(repository: Repository) -> list[str]:
    return [row.id for row in repository.list_jobs(("queued",))]


def test_jobs_are_leased_in_the_order_they_were_added(repository: Repository) -> None:
    ids = add(repository, 3) + add(repository, 2)
    leased = [repository.lease_next(7) for _ in range(6)]
    assert [row.id for row in leased if row] == ids
    assert leased[5] is None


def test_a_lease_counts_the_attempt_and_names_the_worker(repository: Repository) -> None:
    add(repository)
    row = repository.lease_next(4711)
    assert row is not None
    assert (row.state, row.attempts, row.worker_pid) == ("running", 1, 4711)
    assert row.started_at is not None and row.heartbeat_at is not None
    assert repository.running_jobs() == (row,)


def test_takes_of_one_click_share_a_group(repository: Repository, project: str) -> None:
    takes = repository.add_jobs(project, [request(seed=1).to_json(), request(seed=2).to_json()])
    other = repository.add_jobs(project, [request(seed=3).to_json()])
    assert len({row.take_group for row in takes}) == 1
    assert other[0].take_group != takes[0].take_group
    assert [row.prompt for row in takes] == ["a red ball rolls on grass"] * 2


def test_one_unreadable_request_keeps_all_of_a_click_out(repository: Repository, project: str) -> None:
    with pytest.raises(InvalidRequest):
        repository.add_jobs(project, [request().to_json(), "{}"])
    assert repository.list_jobs() == ()


def test_a_job_needs_a_project_that_exists(repository: Repository) -> None:
    with pytest.raises(NotFound):
        repository.add_jobs("0" * 16, [request().to_json()])


def test_a_prompt_with_half_a_character_is_queued_as_it_is(repository: Repository, project: str) -> None:
    text = request(prompt="a ball \ud83d").to_json()
    row = repository.add_jobs(project, [text])[0]
    assert repository.job(row.id).request_json == text


def test_a_paused_queue_leases_nothing_until_it_goes_on(repository: Repository) -> None:
    ids = add(repository)
    repository.set_paused(True)
    assert repository.get_paused() and repository.lease_next(1) is None
    repository.set_paused(False)
    row = repository.lease_next(1)
    assert row is not None and row.id == ids[0]


def test_a_heartbeat_keeps_the_progress_and_says_when_to_leave(repository: Repository) -> None:
    (job,) = add(repository)
    repository.lease_next(1)
    assert repository.heartbeat(job, "denoising", 2, 4, 1.5)
    row = repository.job(job)
    assert (row.stage, row.step, row.steps, row.eta_seconds) == ("denoising", 2, 4, 1.5)
    repository.stop_job(job)
    assert not repository.heartbeat(job, "denoising", 3, 4, 1.0)
    assert repository.job(job).step == 2


def test_a_requeued_job_is_the_next_one_again(repository: Repository) -> None:
    first, _ = add(repository, 2)
    repository.lease_next(1)
    row = repository.requeue(first)
    assert (row.state, row.attempts, row.worker_pid) == ("queued", 1, None)
    assert waiting(repository)[0] == first
    repository.lease_next(1)
    assert repository.requeue(first, forgiven=True).attempts == 1


def test_a_finished_job_and_its_clip_are_written_at_once(repository: Repository, project: str) -> None:
    (job,) = add(repository)
    repository.lease_next(1)
    done = repository.finish_job(job, clip(1, project, job_id=job), '{"seconds": 2.0}')
    assert (done.state, done.clip_id, done.worker_pid) == ("finished", f"{1:016x}", None)
    assert repository.clip(f"{1:016x}").job_id == job
    assert repository.past_runs("toybox") == (done,)
    assert repository.past_runs("another") == ()


def test_a_clip_that_cannot_be_written_leaves_its_job_unfinished(repository: Repository, project: str) -> None:
    (job,) = add(repository)
    repository.lease_next(1)
    with pytest.raises(Exception, match="CHECK"):
        repository.finish_job(job, clip(1, project, rating=9))
    assert repository.job(job).state == "running"
    assert repository.search_clips().clips == ()


def test_finishing_twice_changes_nothing(repository: Repository, project: str) -> None:
    (job,) = add(repository)
    repository.lease_next(1)
    done = repository.finish_job(job, clip(1, project))
    assert repository.finish_job(job, clip(2, project)) == done
    assert len(repository.search_clips().clips) == 1


def test_a_failed_job_tells_why_and_a_retry_forgets_it(repository: Repository) -> None:
    job, other = add(repository, 2)
    repository.lease_next(1)
    failed = repository.fail_job(job, "The memory was too small.", "Choose a smaller size.")
    assert (failed.state, failed.error_message, failed.error_hint) == (
        "failed",
        "The memory was too small.",
        "Choose a smaller size.",
    )
    again = repository.retry_job(job)
    assert (again.state, again.error_message, again.attempts, again.ended_at) == ("queued", None, 0, None)
    assert waiting(repository) == [other, job]


def test_a_stopped_job_keeps_its_request(repository: Repository) -> None:
    (job,) = add(repository)
    before = repository.job(job)
    stopped = repository.stop_job(job)
    assert stopped.state == "stopped"
    assert stopped.request_json == before.request_json


def test_cancelling_leaves_a_running_job_alone(repository: Repository) -> None:
    running, queued = add(repository, 2)
    repository.lease_next(1)
    assert repository.cancel_job(running).state == "running"
    assert repository.cancel_job(queued).state == "stopped"


def test_an_ended_job_is_not_ended_again(repository: Repository) -> None:
    (job,) = add(repository)
    repository.stop_job(job)
    assert repository.fail_job(job, "too late").state == "stopped"
    assert repository.requeue(job).state == "stopped"


def test_only_failed_and_stopped_jobs_are_retried(repository: Repository, project: str) -> None:
    (job,) = add(repository)
    repository.lease_next(1)
    repository.finish_job(job, clip(1, project))
    assert repository.retry_job(job).state == "finished"


def test_moving_before_a_job_that_no_longer_waits_is_told(repository: Repository) -> None:
    first, second = add(repository, 2)
    repository.lease_next(1)
    with pytest.raises(GimbalError):
        repository.move_job(second, first)


def test_a_job_can_be_moved_between_two_others_any_number_of_times(repository: Repository) -> None:
    a, b, c = add(repository, 3)
    for _ in range(80):
        b, c = c, b
        repository.move_job(b, before=c)
        assert waiting(repository) == [a, b, c]


def test_jobs_are_listed_with_the_coming_ones_first_then_the_newest_ended(repository: Repository, project: str) -> None:
    a, b, c, d = add(repository, 4)
    for job in (a, b):
        repository.lease_next(1)
        repository.fail_job(job, "x")
    repository.lease_next(1)
    assert [row.id for row in repository.list_jobs()] == [c, d, b, a]
    assert repository.count_jobs() == {"failed": 2, "running": 1, "queued": 1}


def test_an_unknown_job_is_told(repository: Repository) -> None:
    for ask in (repository.job, repository.stop_job, repository.retry_job, repository.requeue):
        with pytest.raises(NotFound):
            ask("0" * 16)


def test_threads_that_lease_at_once_never_get_the_same_job(repository: Repository) -> None:
    ids = add(repository, 24)
    leased: list[JobRow] = []

    def work(pid: int) -> None:
        while row := repository.lease_next(pid):
            leased.append(row)

    threads = [threading.Thread(target=work, args=(pid,)) for pid in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(row.id for row in leased) == sorted(ids)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moves=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 5)), max_size=12))
def test_any_moves_keep_the_order_a_list_would_have(moves: list[tuple[int, int]], repository: Repository) -> None:
    for left in waiting(repository):
        repository.cancel_job(left)
    expected = add(repository, 5)
    for which, to in moves:
        job, before = expected[which], expected[to] if to < len(expected) else None
        repository.move_job(job, before)
        if before != job:
            expected.remove(job)
            expected.insert(len(expected) if before is None else expected.index(before), job)
    assert waiting(repository) == expected
