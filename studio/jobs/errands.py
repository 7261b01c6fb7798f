"""Tasks that need no device, such as fetching a model: one at a time, in a thread of the head, beside the clips."""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections.abc import Callable

from pipelines.domain.errors import DatabaseError, GimbalError, Stopped, StorageError
from projects_db.records import JobRow
from studio.jobs.events import JobStage, Progressed
from studio.jobs.making import failure
from studio.jobs.parts import Parts
from studio.jobs.tasks import BESIDE, BesideContext, beside_named

_TOLD_SECONDS = 0.2
_NOTED_SECONDS = 1.0
_AGAIN_SECONDS = 1.0
_LEAVE_SECONDS = 5.0
_log = logging.getLogger("gimbal.errands")


class Errands:
    """Leases the tasks of `BESIDE` from the queue and does them, from `begin` to `close`. Thread-safe."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._woken = threading.Event()
        self._closing = threading.Event()
        self._left = threading.Event()  # its task is another's now
        self._stopped: str = ""
        self._current: JobRow | None = None
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        """Start, once this process dispatches and what an earlier one left is in order."""
        if self._thread is None:
            self._woken.set()
            self._thread = threading.Thread(target=self._live, name="errands", daemon=True)
            self._thread.start()

    def wake(self) -> None:
        """Look at the queue again."""
        self._woken.set()

    def stop(self, job_id: str) -> None:
        """Have a task left at its next sign of life, if it is the one that runs."""
        current = self._current
        if current is not None and current.id == job_id:
            self._stopped = job_id
            self._parts.board.stopping(job_id)

    def close(self) -> None:
        """Leave what runs; it goes back into the queue, and the next start goes on with it."""
        self._closing.set()
        self._woken.set()
        if self._thread is None:
            return
        self._thread.join(_LEAVE_SECONDS)
        current = self._current
        if self._thread.is_alive() and current is not None:  # it waits for the network
            self._write(lambda: self._parts.repository.requeue(current.id, forgiven=True))
            self._left.set()

    def _live(self) -> None:
        while not self._closing.is_set():
            self._woken.wait()
            self._woken.clear()
            try:
                while not self._closing.is_set() and self._lease():
                    continue
            except Exception:
                _log.exception("The queue could not be looked at")
                self._closing.wait(_AGAIN_SECONDS)
                self._woken.set()

    def _lease(self) -> bool:
        row = self._parts.repository.lease_next(os.getpid(), only=BESIDE)
        if row is None:
            return False
        self._stopped, self._current = "", row
        try:
            self._do(row)
        finally:
            self._current = None
            self._parts.board.forget(row.id)
            self._parts.board.touch()
        return True

    def _do(self, row: JobRow) -> None:
        repository = self._parts.repository
        report = _Report(row.id, self._parts, lambda: self._closing.is_set() or self._stopped == row.id)
        context = BesideContext(
            spec_json=row.request_json, home=self._parts.home, settings=self._parts.settings, report=report
        )
        try:
            facts = beside_named(row.task).do(context)
        except Stopped:
            if self._closing.is_set():
                self._write(lambda: repository.requeue(row.id, forgiven=True))
            else:
                self._write(lambda: repository.stop_job(row.id))
        except Exception as error:
            if not isinstance(error, GimbalError):
                _log.exception("The task %s failed", row.id)
            _, message, hint = failure(error)
            self._write(lambda: repository.fail_job(row.id, message, hint))
        else:
            self._parts.models_changed()
            self._write(lambda: repository.finish_task(row.id, json.dumps(dict(facts))))

    def _write(self, write: Callable[[], object]) -> None:
        """Write how a task ended; a full disk is waited for, so that no answer is lost."""
        while not self._left.is_set():
            try:
                write()
            except (StorageError, DatabaseError):
                if self._closing.wait(_AGAIN_SECONDS):
                    return
            except Exception:
                _log.exception("How a task ended could not be written")
                return
            else:
                return


class _Report:
    """What a task calls as it goes: tells the board and the history, sparingly; raises Stopped once it is to leave."""

    def __init__(self, job_id: str, parts: Parts, leave: Callable[[], bool]) -> None:
        self._job_id, self._parts, self._leave = job_id, parts, leave
        self._told = self._noted = 0.0

    def __call__(self, stage: JobStage, done: int = 0, total: int = 0, eta_seconds: float | None = None) -> None:
        if self._leave():
            raise Stopped("It was stopped.")
        now = time.monotonic()
        if now - self._told < _TOLD_SECONDS and done != total:
            return
        self._told = now
        fraction = done / total if total else 0.0
        self._parts.board.progress(
            Progressed(
                job_id=self._job_id, stage=stage, step=done, steps=total, fraction=fraction, eta_seconds=eta_seconds
            )
        )
        if now - self._noted >= _NOTED_SECONDS:
            self._noted = now
            self._note(stage, done, total, eta_seconds)

    def _note(self, stage: JobStage, done: int, total: int, eta_seconds: float | None) -> None:
        """Another process may read how far it is, and may have stopped it by its row."""
        try:
            runs = self._parts.repository.heartbeat(self._job_id, stage, done, total, eta_seconds)
        except GimbalError as error:  # only another window misses it
            _log.warning("Progress was not written: %s", error)
            return
        if not runs:
            raise Stopped("It was stopped.")
