"""What the dispatcher does with every answer a worker can give, and with those it does not give."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from pipelines.domain.errors import GimbalError
from projects_db.records import JobRow
from studio.jobs.dispatcher import TOO_MANY_ATTEMPTS
from studio.jobs.events import Errored, Gone, Halted, Message, Progressed, Run, Unable
from studio.studio import Studio, default_request
from tests.studio.jobs.conftest import Open
from tests.studio.jobs.scripted import Scripted, diligent, dying, produce


def submit(studio: Studio, takes: int = 1) -> list[JobRow]:
    project = studio.repository.list_projects()[0]
    return studio.queue.submit(project.id, default_request(studio.catalog.cards()[0]), takes=takes)


def until(true: Callable[[], bool], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.01)


def state(studio: Studio, job: JobRow) -> str:
    return studio.repository.job(job.id).state


class Gate:
    """A script that reports a first step and then waits, until it is opened or told to stop."""

    def __init__(self, *, deaf: bool = False) -> None:
        self.open = threading.Event()
        self.reached = threading.Event()
        self.order: list[str] = []
        self._deaf = deaf

    def __call__(self, worker: Scripted, run: Run) -> Iterator[Message]:
        self.order.append(run.job_id)
        yield step(run)
        self.reached.set()
        while not self.open.wait(0.01) and not worker.killed.is_set():
            if worker.stopped.is_set() and not self._deaf:
                yield Halted(job_id=run.job_id)
                return
        yield produce(run)


def step(run: Run) -> Progressed:
    return Progressed(
        job_id=run.job_id, stage="denoising", step=1, steps=4, fraction=0.3, eta_seconds=3.0, preview=b"webp"
    )


def test_jobs_are_made_in_the_order_of_the_queue(opened: Open) -> None:
    gate = Gate()
    studio = opened(gate)
    first, second, third = submit(studio, takes=3)
    gate.reached.wait(10)
    studio.queue.move(third.id, second.id)
    gate.open.set()
    for job in (first, second, third):
        assert studio.wait(job.id, timeout=20).state == "finished"
    assert gate.order == [first.id, third.id, second.id]


def test_the_worker_is_told_once_what_comes_next_while_it_makes_a_clip(opened: Open) -> None:
    told: list[str] = []

    def looking(worker: Scripted, run: Run) -> Iterator[Message]:
        yield step(run)
        until(lambda: bool(worker.ahead) or not studio.snapshot().waiting)
        yield step(run)
        told[:] = worker.ahead
        yield produce(run)

    studio = opened(looking)
    studio.queue.pause()
    jobs = submit(studio, takes=2)
    studio.queue.resume()
    for job in jobs:
        assert studio.wait(job.id, timeout=20).state == "finished"
    assert told == [jobs[1].model]


def test_a_finished_job_has_its_clip_its_facts_and_no_temporary_file(opened: Open) -> None:
    studio = opened(diligent)
    row = studio.wait(submit(studio)[0].id, timeout=20)
    clip = studio.repository.clip(str(row.clip_id))
    assert studio.library.clip_path(clip).is_file() and studio.library.poster_path(clip).is_file()
    assert clip.job_id == row.id and '"flops"' in (row.facts_json or "")
    assert list(studio.home.incoming.iterdir()) == []


def test_pausing_lets_the_running_job_finish_and_starts_no_other(opened: Open) -> None:
    gate = Gate()
    studio = opened(gate)
    first, second = submit(studio, takes=2)
    gate.reached.wait(10)
    studio.queue.pause()
    gate.open.set()
    assert studio.wait(first.id, timeout=20).state == "finished"
    with pytest.raises(GimbalError, match="paused"):
        studio.wait(second.id, timeout=20)
    studio.queue.resume()
    assert studio.wait(second.id, timeout=20).state == "finished"


def test_a_stopped_job_keeps_its_request_and_can_be_retried(opened: Open) -> None:
    gate = Gate()
    studio = opened(gate)
    (job,) = submit(studio)
    gate.reached.wait(10)
    studio.queue.stop(job.id)
    stopped = studio.wait(job.id, timeout=20)
    assert (stopped.state, stopped.request_json) == ("stopped", job.request_json)
    gate.open.set()
    studio.queue.retry(job.id)
    assert studio.wait(job.id, timeout=20).state == "finished"


def test_a_card_that_is_gone_pauses_the_queue_and_ends_the_worker(opened: Open) -> None:
    def losing(worker: Scripted, run: Run) -> Iterator[Message]:
        yield Errored(job_id=run.job_id, kind="DeviceLost", message="It is gone.", hint="Look.", spent=True)

    studio = opened(losing)
    first, second = submit(studio, takes=2)
    lost = studio.wait(first.id, timeout=20)
    assert (lost.state, lost.error_message) == ("failed", "It is gone.")
    until(lambda: studio.snapshot().paused)
    snapshot = studio.snapshot()
    assert snapshot.machine.worker == "off" and snapshot.notice is not None and "It is gone." in snapshot.notice.message
    assert state(studio, second) == "queued"


def test_a_worker_that_does_not_answer_a_stop_is_ended(opened: Open) -> None:
    gate = Gate(deaf=True)
    studio = opened(gate, worker_grace_seconds=0.2)
    (job,) = submit(studio)
    gate.reached.wait(10)
    studio.queue.stop(job.id)
    until(lambda: studio.snapshot().running == () or studio.snapshot().running[0].stopping)
    assert studio.wait(job.id, timeout=20).state == "stopped"
    assert studio.snapshot().machine.worker == "off"


def test_a_clip_that_was_finished_after_the_stop_is_not_kept(opened: Open) -> None:
    gate = Gate(deaf=True)
    studio = opened(gate)
    (job,) = submit(studio)
    gate.reached.wait(10)
    studio.queue.stop(job.id)
    until(lambda: studio.snapshot().running[0].stopping)
    gate.open.set()
    assert studio.wait(job.id, timeout=20).state == "stopped"
    assert studio.repository.search_clips().clips == ()
    assert list(studio.home.incoming.iterdir()) == []


def test_a_waiting_job_is_stopped_at_once(opened: Open) -> None:
    gate = Gate()
    studio = opened(gate)
    _, second = submit(studio, takes=2)
    gate.reached.wait(10)
    studio.queue.stop(second.id)
    assert state(studio, second) == "stopped"


def test_a_job_is_stopped_while_the_worker_is_still_starting(opened: Open, settings: object) -> None:
    studio = opened(diligent, worker=False)
    starting = Studio(studio.settings, start_worker=lambda listener: Scripted(listener, diligent, ready=False))
    with starting:
        (job,) = submit(starting)
        until(lambda: state(starting, job) == "running")
        starting.queue.stop(job.id)
        assert starting.wait(job.id, timeout=5).state == "stopped"


def test_a_job_whose_worker_died_once_is_tried_again(opened: Open) -> None:
    def once(worker: Scripted, run: Run) -> Iterator[Message]:
        yield Gone(reason="it crashed (SIGSEGV)") if run.attempt == 1 else produce(run)

    studio = opened(once)
    row = studio.wait(submit(studio)[0].id, timeout=20)
    assert (row.state, row.attempts) == ("finished", 2)


def test_a_job_that_killed_its_worker_twice_fails_with_the_reason(opened: Open) -> None:
    def one_bad(worker: Scripted, run: Run) -> Iterator[Message]:
        return dying(worker, run) if run.job_id == bad.id else diligent(worker, run)

    studio = opened(one_bad)
    studio.queue.pause()
    bad, good = submit(studio, takes=2)
    studio.queue.resume()
    row = studio.wait(bad.id, timeout=20)
    assert row.state == "failed" and "SIGSEGV" in str(row.error_message) and row.error_hint
    assert bad.id in (studio.home.logs / "studio.log").read_text()
    assert row.request_json == bad.request_json
    assert studio.wait(good.id, timeout=20).state == "finished"


def test_a_worker_that_falls_silent_counts_as_dead(opened: Open) -> None:
    def silent_once(worker: Scripted, run: Run) -> Iterator[Message]:
        if run.attempt == 1:
            worker.killed.wait(20)
        yield produce(run)

    studio = opened(silent_once, worker_silence_seconds=0.3)
    row = studio.wait(submit(studio)[0].id, timeout=20)
    assert (row.state, row.attempts) == ("finished", 2)


def test_what_a_model_refuses_is_told_and_the_next_job_runs(opened: Open) -> None:
    def refuses_first(worker: Scripted, run: Run) -> Iterator[Message]:
        if run.job_id == bad.id:
            yield Errored(job_id=run.job_id, kind="OutOfMemory", message="No memory.", hint="Make it smaller.")
        else:
            yield produce(run)

    studio = opened(refuses_first)
    studio.queue.pause()
    bad, good = submit(studio, takes=2)
    studio.queue.resume()
    row = studio.wait(bad.id, timeout=20)
    assert (row.state, row.error_message, row.error_hint) == ("failed", "No memory.", "Make it smaller.")
    assert studio.wait(good.id, timeout=20).state == "finished"
    assert [view.id for view in studio.snapshot().failed] == [bad.id]


@pytest.mark.parametrize("kind", ["NoSpace", "Unable"])
def test_what_would_fail_every_job_fails_one_and_pauses_the_queue(opened: Open, kind: str) -> None:
    def failing(worker: Scripted, run: Run) -> Iterator[Message]:
        if run.job_id == second.id:
            yield produce(run)
        elif kind == "Unable":
            yield Unable(message="The disk is full.", hint="Free some space.")
        else:
            yield Errored(job_id=run.job_id, kind=kind, message="The disk is full.", hint="Free some space.")

    studio = opened(failing)
    studio.queue.pause()
    first, second = submit(studio, takes=2)
    studio.queue.resume()
    assert studio.wait(first.id, timeout=20).state == "failed"
    shown = studio.snapshot()
    assert shown.paused and shown.notice is not None and "The disk is full." in shown.notice.message
    assert state(studio, second) == "queued"
    studio.queue.resume()
    assert studio.snapshot().notice is None
    assert studio.wait(second.id, timeout=20).state == "finished"


def test_a_clip_that_is_not_what_was_asked_for_fails_its_job(opened: Open) -> None:
    def wrong(worker: Scripted, run: Run) -> Iterator[Message]:
        yield dataclasses.replace(produce(run), frames_sha256="0" * 64)

    studio = opened(wrong)
    row = studio.wait(submit(studio)[0].id, timeout=20)
    assert row.state == "failed" and row.error_message
    assert studio.repository.search_clips().clips == ()


def test_closing_puts_the_running_job_back_as_if_untried(opened: Open) -> None:
    gate = Gate()
    studio = opened(gate)
    (job,) = submit(studio)
    gate.reached.wait(10)
    studio.close()
    looking = opened(worker=False)
    row = looking.repository.job(job.id)
    assert (row.state, row.attempts) == ("queued", 0)


def test_a_second_studio_waits_and_takes_over_when_the_first_closes(opened: Open) -> None:
    gate = Gate()
    first = opened(gate)
    (job,) = submit(first)
    gate.reached.wait(10)
    second = opened(diligent)
    until(lambda: [view.stage for view in second.snapshot().running] == ["denoising"])
    assert second.snapshot().dispatching == "elsewhere"
    first.close()
    assert second.wait(job.id, timeout=20).state == "finished"
    assert second.snapshot().dispatching == "here"


def test_another_process_stops_the_running_job_through_its_row(opened: Open) -> None:
    gate = Gate()
    studio, other = opened(gate), opened(worker=False)
    (job,) = submit(studio)
    gate.reached.wait(10)
    other.queue.stop(job.id)
    until(lambda: studio.snapshot().running == () and studio.snapshot().machine.worker == "ready")
    assert state(studio, job) == "stopped"


def test_jobs_of_another_process_are_noticed_and_made(opened: Open) -> None:
    studio, other = opened(diligent), opened(worker=False)
    (job,) = submit(other)
    assert other.wait(job.id, timeout=20).state == "finished"
    assert studio.snapshot().finished[0].id == job.id


def test_progress_and_previews_reach_the_snapshot(opened: Open) -> None:
    gate = Gate()
    studio = opened(gate)
    (job,) = submit(studio)
    gate.reached.wait(10)
    until(lambda: studio.preview(job.id) is not None)
    (view,) = studio.snapshot().running
    assert (view.stage, view.step, view.steps, view.fraction, view.preview_version) == ("denoising", 1, 4, 0.3, 1)
    gate.open.set()
    studio.wait(job.id, timeout=20)
    assert studio.preview(job.id) is None


def test_a_head_that_died_over_a_job_runs_it_again(opened: Open) -> None:
    looking = opened(worker=False)
    (job,) = submit(looking)
    looking.repository.lease_next(1)
    row = opened(diligent).wait(job.id, timeout=20)
    assert (row.state, row.attempts) == ("finished", 2)


def test_a_job_over_which_gimbal_ended_again_and_again_waits_for_a_person(opened: Open) -> None:
    looking = opened(worker=False)
    (job,) = submit(looking)
    for _ in range(TOO_MANY_ATTEMPTS):
        looking.repository.requeue(job.id)
        looking.repository.lease_next(1)
    studio = opened(diligent)
    with pytest.raises(GimbalError, match="ended 5 times"):
        studio.wait(job.id, timeout=20)
    assert state(studio, job) == "queued" and studio.snapshot().paused
    studio.queue.resume()
    assert studio.wait(job.id, timeout=20).state == "finished"
