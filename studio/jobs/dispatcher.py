"""The dispatcher: one thread that keeps the queue of a data folder going.

One process per data folder dispatches: the one that holds dispatch.lock. The others wait for it, and take over when
its holder ends, however it ends. All work happens in the dispatcher's own thread, fed through one inbox.
"""

from __future__ import annotations

import logging
import queue
import threading
from dataclasses import dataclass
from typing import Final, assert_never

from pipelines.domain.errors import GimbalError
from studio.jobs.crashpoint import reach
from studio.jobs.errands import Errands
from studio.jobs.events import Warm
from studio.jobs.making import failure
from studio.jobs.parts import Parts
from studio.jobs.slot import Heard
from studio.jobs.tasks import BESIDE
from studio.jobs.work import Work
from studio.lock import FileLock
from studio.snapshot import Notice

TOO_MANY_ATTEMPTS: Final = 5
_TICK_SECONDS: Final = 1.0
_log = logging.getLogger("gimbal.dispatcher")


@dataclass(frozen=True)
class _Wake:
    pass


@dataclass(frozen=True)
class _StopJob:
    job_id: str


@dataclass(frozen=True)
class _WarmUp:
    warm: Warm


_Item = Heard | _Wake | _StopJob | _WarmUp


class Dispatcher:
    """Runs the queue of a data folder from `start` to `close`. The public methods return at once, from any thread."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._inbox: queue.SimpleQueue[_Item] = queue.SimpleQueue()
        self._lock = FileLock(parts.home.dispatch_lock)
        self._work = Work(parts, self._inbox.put)
        self._errands = Errands(parts)
        self._recovered = False
        self._look = True
        self._complaint: Notice | None = None
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._live, name="dispatcher", daemon=True)

    @property
    def dispatching(self) -> bool:
        """Whether this process is the one that makes the clips of its data folder."""
        return self._lock.held

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """End the worker; a running job goes back to the queue. Returns when all is written."""
        self._closing.set()
        self._inbox.put(_Wake())
        if self._thread.ident is not None:
            self._thread.join()

    def wake(self) -> None:
        """Look at the queue again."""
        self._inbox.put(_Wake())

    def stop(self, job_id: str) -> None:
        """Have a job left at its next step, if it is the one that runs."""
        self._inbox.put(_StopJob(job_id))

    def warm(self, request_json: str) -> None:
        """Start the worker and load the model of a request, unless there is something better to do."""
        self._inbox.put(_WarmUp(Warm(request_json=request_json)))

    def _live(self) -> None:
        while not self._closing.is_set():
            try:
                self._turn()
            except Exception as error:
                self._complain(error)
            else:
                self._take_back()
        try:
            self._errands.close()
            self._work.leave()
        finally:
            self._lock.release()

    def _turn(self) -> None:
        if not self._lock.acquire():
            self._take(_TICK_SECONDS)
            return
        if not self._recovered:
            self._recover()
        self._take(self._patience())
        self._work.watch_clock()
        self._work.settle()
        if self._look and self._work.idle and not self._closing.is_set():
            self._look = self._work.lease()

    def _patience(self) -> float | None:
        """How long to wait for the inbox: not at all while the queue is to be looked at, for ever while all rests."""
        if not self._work.idle:
            return _TICK_SECONDS
        return 0.0 if self._look else None

    def _take(self, timeout: float | None) -> None:
        try:
            item = self._inbox.get(block=timeout != 0.0, timeout=timeout)
        except queue.Empty:
            return
        match item:
            case Heard():
                self._work.hear(item)
                self._look = True
            case _Wake():
                self._look = True
                self._work.check_row()
                self._errands.wake()
            case _StopJob():
                self._work.stop(item.job_id)
                self._errands.stop(item.job_id)
            case _WarmUp():
                self._work.warm(item.warm, may_start=self._lock.held)
            case _:
                assert_never(item)

    def _recover(self) -> None:
        """Put in order what a head left that ended in the middle; only the holder of the lock may."""
        reach("dispatcher.recovering")
        lines = [*self._parts.library.reconcile().lines()]
        left = self._parts.repository.running_jobs()
        for row in left:
            self._parts.repository.requeue(row.id)
        suspect = next((row for row in left if row.attempts >= TOO_MANY_ATTEMPTS and row.task not in BESIDE), None)
        if suspect is not None:
            self._parts.repository.set_paused(True)
            times, what = suspect.attempts, suspect.prompt[:80]
            lines.append(f"Gimbal ended {times} times while it made “{what}”, so the queue is paused.")
        self._recovered = True
        if lines:
            hint = "Cancel that clip, or make it smaller; then resume the queue." if suspect else ""
            self._parts.board.tell(Notice(message=" ".join(lines), hint=hint))
        self._parts.board.touch()
        self._work.warm(None, may_start=True)
        self._errands.begin()

    def _complain(self, error: Exception) -> None:
        """Tell what went wrong in a turn, and wait a moment before the next."""
        if not isinstance(error, GimbalError):
            _log.error("The dispatcher stumbled", exc_info=error)
        _, message, hint = failure(error)
        self._complaint = Notice(message=message, hint=hint)
        self._parts.board.tell(self._complaint)
        self._closing.wait(_TICK_SECONDS)

    def _take_back(self) -> None:
        """After a turn that went well, nobody needs to know of the last that did not."""
        if self._complaint is not None and self._parts.board.notice == self._complaint:
            self._parts.board.tell(None)
        self._complaint = None
