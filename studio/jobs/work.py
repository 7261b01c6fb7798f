"""The work of the dispatcher's thread: one job at a time through the worker, and how each job ends.

How a job ended is kept as an `outcome` until the database has taken it, so that a full disk loses no answer.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, assert_never

from pipelines.domain.errors import DatabaseError, DeviceLost, GimbalError, NoSpace, StorageError
from pipelines.domain.request import GenerationRequest
from projects_db.records import JobRow, JobState, NotFound
from studio.jobs.crashpoint import reach
from studio.jobs.events import (
    Ahead,
    Done,
    Errored,
    Gone,
    Halted,
    Heartbeat,
    Message,
    Produced,
    Progressed,
    Quit,
    Ready,
    Run,
    Stop,
    Unable,
    Warm,
)
from studio.jobs.making import failure
from studio.jobs.parts import Parts
from studio.jobs.slot import Heard, Slot
from studio.jobs.tasks import BESIDE, CLIP, KeepContext, folder_of, task_named
from studio.snapshot import Notice

MAX_DEATHS: Final = 2
_PAUSING: Final = frozenset({NoSpace.__name__, Unable.__name__, DeviceLost.__name__})
_NOTED_SECONDS: Final = 1.0
_log = logging.getLogger("gimbal.work")


@dataclass
class _Current:
    """The job that is being made. stop_by: when it must have been left; noted_at: when its progress was written.

    ahead: the job that the worker was told comes next; looked_at: when that was last looked for.
    """

    row: JobRow
    run: Run
    sent: bool = False
    stop_by: float | None = None
    noted_at: float = 0.0
    ahead: str = ""
    looked_at: float = 0.0


class Work:
    """The current job and the worker. Used from the dispatcher's thread alone."""

    def __init__(self, parts: Parts, put: Callable[[Heard], None]) -> None:
        self._parts = parts
        self._repository = parts.repository
        self._board = parts.board
        self._slot = Slot(parts.start_worker, put)
        self._current: _Current | None = None
        self._outcome: Callable[[], object] | None = None
        self._deaths: Counter[str] = Counter()
        self._warm: Warm | None = None

    @property
    def idle(self) -> bool:
        """Whether the next job may be leased."""
        return self._current is None and self._outcome is None

    # -- from the queue to the worker

    def lease(self) -> bool:
        """Take the next job and hand it to the worker; False when there is none to take."""
        row = self._repository.lease_next(os.getpid(), apart_from=BESIDE)
        if row is None:
            return False
        reach("dispatcher.leased")
        start = Progressed(job_id=row.id, stage="starting", step=0, steps=0, fraction=0.0, eta_seconds=None)
        self._board.progress(start)
        try:
            self._current = _Current(row, self._run_of(row))
            self._ensure_worker()
        except Exception as error:
            self._fail(row.id, *failure(error))
            return True
        self._board.touch()
        self._hand_over()
        return True

    def _run_of(self, row: JobRow) -> Run:
        incoming = self._parts.home.incoming
        if row.task == CLIP:
            request = GenerationRequest.from_json(row.request_json)
            media, expected = request.media, self._parts.expect(request)
        else:
            media, expected = task_named(row.task).media(row.request_json), None
        return Run(
            job_id=row.id,
            attempt=row.attempts,
            clip_id=row.id,  # a job makes one clip, and its file tells whose it is
            request_json=row.request_json,
            media={digest: self._parts.library.media_path(digest) for digest in media},
            clip=incoming / f"{row.id}.{row.attempts}.mp4",
            poster=incoming / f"{row.id}.{row.attempts}.webp",
            expected=expected,
            task=row.task,
        )

    def _hand_over(self) -> None:
        current = self._current
        if current is not None and not current.sent and self._slot.ready:
            self._slot.send(current.run)
            current.sent = True
            self._board.worker("working")
            reach("dispatcher.sent")

    # -- how a job ends

    def settle(self) -> None:
        """Write what is still to be written. Raises StorageError and DatabaseError, and may then be called again."""
        if self._outcome is None:
            return
        try:
            self._outcome()
        except (StorageError, DatabaseError):
            raise
        except Exception:  # such as a job that was deleted meanwhile: trying again would not help
            _log.exception("How a job ended could not be written")
        self._outcome = None
        if self._current is not None:
            job_id, self._current = self._current.row.id, None
            self._board.forget(job_id)
        self._board.touch()

    def _end(self, write: Callable[[], object]) -> None:
        """The current job is over; `write` says so in the database, again and again until it is taken."""
        self._outcome = write
        self.settle()

    def _fail(self, job_id: str, kind: str, message: str, hint: str) -> None:
        self._deaths.pop(job_id, None)

        def write() -> None:
            if kind in _PAUSING:
                self._repository.set_paused(True)
                self._board.tell(Notice(message=f"The queue is paused. {message}", hint=f"{hint} Then resume it."))
            self._repository.fail_job(job_id, message, hint)
            self._board.forget(job_id)

        self._end(write)

    def stop(self, job_id: str) -> None:
        """Leave that job, if it is the current one: at once before the worker has it, else at its next step."""
        current = self._current
        if current is None or current.row.id != job_id or current.stop_by is not None or self._outcome is not None:
            return
        if not current.sent:
            self._end(lambda: self._repository.stop_job(job_id))
            return
        current.stop_by = time.monotonic() + self._parts.settings.worker_grace_seconds
        self._slot.send(Stop(job_id=job_id))
        self._board.stopping(job_id)

    def check_row(self) -> None:
        """Another process may have stopped the running job, by its row alone."""
        if self._current is None:
            return
        job_id = self._current.row.id
        try:
            gone = self._repository.job(job_id).state != "running"
        except NotFound:
            gone = True
        if gone:
            self.stop(job_id)

    def watch_clock(self) -> None:
        """Do away with a worker that does not answer: to a stop, or at all."""
        current = self._current
        if current is None or self._outcome is not None:
            return
        if current.stop_by is not None and time.monotonic() > current.stop_by:
            self._drop_worker()
            self._discard(current.run)
            self._end(lambda: self._repository.stop_job(current.row.id))
        elif self._slot.silent_seconds > self._parts.settings.worker_silence_seconds:
            self._drop_worker()
            self._worker_died("it stopped answering")

    def leave(self) -> None:
        """End the worker; the current job goes back to the queue as if it had not been tried."""
        try:
            if self._current is not None and self._outcome is None:
                job_id = self._current.row.id
                self._end(lambda: self._repository.requeue(job_id, forgiven=True))
            self.settle()
        except Exception:
            _log.exception("The running job could not be put back")
        self._slot.send(Quit())
        self._drop_worker()

    # -- the worker

    def warm(self, warm: Warm | None, *, may_start: bool) -> None:
        """Have a model loaded as soon as a worker is free; None = what was asked for before."""
        self._warm = warm or self._warm
        if self._warm is not None and may_start and self.idle:
            self._ensure_worker()
            self._send_warm()

    def hear(self, heard: Heard) -> None:
        """Act on a message of the present worker."""
        if not self._slot.hears(heard):
            return
        message: Message = heard.message
        match message:
            case Heartbeat():
                self._board.memory(message.free_bytes)
            case Ready():
                self._slot.ready = True
                self._board.worker("ready", message.device)
                if message.device.note and self._board.notice is None:
                    hint = "launch.py doctor tells what to install."
                    self._board.tell(Notice(message=f"{message.device.note} Clips are made without it.", hint=hint))
                self._hand_over()
                self._send_warm()
            case Unable():
                self._unable(message)
            case Gone():
                self._drop_worker()
                self._worker_died(message.reason)
            case Progressed() | Produced() | Done() | Halted() | Errored():
                if self._current is not None and self._current.row.id == message.job_id and self._outcome is None:
                    self._hear_of_job(self._current, message)
            case _:
                assert_never(message)

    def _hear_of_job(self, current: _Current, message: Progressed | Produced | Done | Halted | Errored) -> None:
        if isinstance(message, Progressed):
            self._progressed(current, message)
            return
        self._board.worker("ready")
        if isinstance(message, Errored) and message.spent:
            self._drop_worker()
        if isinstance(message, Halted) or current.stop_by is not None:
            self._discard(current.run)
            self._end(lambda: self._repository.stop_job(current.row.id))
        elif isinstance(message, Errored):
            self._fail(message.job_id, message.kind, message.message, message.hint)
        elif message.attempt != current.run.attempt:
            return
        elif isinstance(message, Done):
            self._keep_task(current, message)
        else:
            self._keep(current, message)

    def _progressed(self, current: _Current, message: Progressed) -> None:
        self._board.progress(message)
        now = time.monotonic()
        if message.stage == "denoising" and now - current.looked_at >= _NOTED_SECONDS:
            current.looked_at = now
            self._look_ahead(current)
        if now - current.noted_at < _NOTED_SECONDS:
            return
        current.noted_at = now
        try:
            self._repository.heartbeat(current.row.id, message.stage, message.step, message.steps, message.eta_seconds)
        except GimbalError as error:  # only another window misses it; the job itself goes on
            _log.warning("Progress was not written: %s", error)

    def _look_ahead(self, current: _Current) -> None:
        """Tell the worker which clip comes next, once for each, while the present one is made."""
        try:
            waiting: tuple[JobState, ...] = ("queued",)
            rows = self._repository.list_jobs(waiting, limit=len(BESIDE) * 8)
            row = next((row for row in rows if row.task not in BESIDE), None)
            if row is None or row.task != CLIP or row.id == current.ahead or self._repository.get_paused():
                return
        except GimbalError as error:  # the clip is made all the same, only later
            _log.warning("The next job could not be read: %s", error)
            return
        current.ahead = row.id
        self._slot.send(Ahead(model=row.model))

    def _keep(self, current: _Current, produced: Produced) -> None:
        reach("dispatcher.produced")
        try:
            clip = self._parts.library.store(current.row, produced)
        except Exception as error:
            if not isinstance(error, GimbalError):
                _log.exception("The clip of job %s could not be stored", current.row.id)
            self._discard(current.run)
            self._fail(current.row.id, *failure(error))
            return
        reach("dispatcher.stored")
        self._deaths.pop(current.row.id, None)
        self._end(lambda: None)
        self._parts.stored(clip)

    def _keep_task(self, current: _Current, done: Done) -> None:
        parts, row = self._parts, current.row
        folder = folder_of(parts.home, row.id)
        try:
            kept = task_named(row.task).keep(
                KeepContext(
                    job=row,
                    result=done.result,
                    folder=folder,
                    home=parts.home,
                    library=parts.library,
                    repository=parts.repository,
                )
            )
        except Exception as error:
            if not isinstance(error, GimbalError):
                _log.exception("What the task %s made could not be kept", row.id)
            self._fail(row.id, *failure(error))
            return
        reach("dispatcher.kept")
        self._deaths.pop(row.id, None)
        self._end(lambda: self._repository.finish_task(row.id, json.dumps(kept)))
        shutil.rmtree(folder, ignore_errors=True)

    def _unable(self, unable: Unable) -> None:
        self._drop_worker()
        self._warm = None
        if self._current is None:
            self._board.tell(Notice(message=unable.message, hint=unable.hint))
        else:
            self._fail(self._current.row.id, Unable.__name__, unable.message, unable.hint)

    def _worker_died(self, reason: str) -> None:
        current = self._current
        if current is None or self._outcome is not None:
            return
        self._discard(current.run)
        job_id = current.row.id
        if current.stop_by is not None:
            self._end(lambda: self._repository.stop_job(job_id))
            return
        self._deaths[job_id] += 1
        _log.warning("The worker died over job %s: %s", job_id, reason)
        if self._deaths[job_id] >= MAX_DEATHS:
            message = f"The worker died {MAX_DEATHS} times while it made this clip: {reason}."
            hint = "Make the clip smaller or shorter, or choose a smaller model, then retry."
            self._fail(job_id, "WorkerDied", message, hint)
        else:
            self._end(lambda: self._repository.requeue(job_id))

    def _ensure_worker(self) -> None:
        if not self._slot.occupied:
            self._slot.ensure()
            self._board.worker("starting")

    def _drop_worker(self) -> None:
        self._slot.drop()
        self._board.worker("off")

    def _send_warm(self) -> None:
        if self._warm is not None and self._current is None and self._slot.ready:
            self._slot.send(self._warm)
            self._warm = None

    def _discard(self, run: Run) -> None:
        for path in (run.clip, run.poster):
            path.unlink(missing_ok=True)
