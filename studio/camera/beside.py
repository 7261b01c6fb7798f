"""A process beside the window for heavy arithmetic (torch, measuring): started when first needed, kept warm a while.

The window's own process stays quick and never imports torch. The process ends with the window, however that ends.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

from pipelines.domain.errors import WorkerDied

if TYPE_CHECKING:
    from multiprocessing.context import SpawnProcess

KEPT_SECONDS = 600.0
_LEAVE_SECONDS = 3.0
Given = ParamSpec("Given")
Answer = TypeVar("Answer")
_log = logging.getLogger("gimbal.beside")
_Asked = tuple[Future[Any], Callable[..., Any], tuple[Any, ...]]


class Beside:
    """One process that answers one question after the other. Thread-safe.

    niceness: how far it stands back for other processes. kept_seconds: how long it rests before its memory is given
    back; the next question starts it anew.
    """

    def __init__(self, name: str, *, niceness: int = 0, kept_seconds: float = KEPT_SECONDS) -> None:
        self._name = name
        self._niceness = niceness
        self._kept_seconds = kept_seconds
        self._inbox: queue.SimpleQueue[_Asked | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._process: SpawnProcess | None = None
        self._pipe: Connection | None = None
        self._closed = False
        self._busy = False

    def ask(self, work: Callable[Given, Answer], *given: Given.args, **named: Given.kwargs) -> Future[Answer]:
        """Have `work(*given)` done there: a function of a module, with what can be pickled.

        The future raises what `work` raises, and WorkerDied where the process ended over it.
        """
        if named:
            raise TypeError("work is given by position")
        future: Future[Any] = Future()
        with self._lock:
            if self._closed:
                future.cancel()
                return future
            self._inbox.put((future, cast("Callable[..., Any]", work), given))
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, name=self._name, daemon=True)
                self._thread.start()
        return future

    def close(self) -> None:
        """End the process, at once where it is at work; what is not answered is forgotten."""
        with self._lock:
            self._closed = True
            self._inbox.put(None)
            process = self._process if self._busy else None
        if process is not None:
            process.kill()
        if self._thread is not None:
            self._thread.join(3 * _LEAVE_SECONDS)

    def _serve(self) -> None:
        while True:
            try:
                asked = self._inbox.get(timeout=self._kept_seconds)
            except queue.Empty:
                self._drop()
                continue
            if asked is None or self._closed:
                break
            self._settle(*asked)
        self._drop()

    def _settle(self, future: Future[Any], work: Callable[..., Any], given: tuple[Any, ...]) -> None:
        if not future.set_running_or_notify_cancel():
            return
        self._busy = True
        try:
            good, answer = self._answer(work, given)
        except Exception as error:  # it ended, or speaks nonsense
            if not isinstance(error, EOFError | OSError):
                _log.error("%s: no answer could be read", self._name, exc_info=error)
            self._drop()
            message = "The process that looks at pictures and clips ended before its answer."
            future.set_exception(WorkerDied(message, "Memory may have run out. Try again."))
            return
        finally:
            self._busy = False
        if good:
            future.set_result(answer)
        else:
            future.set_exception(answer)

    def _answer(self, work: Callable[..., Any], given: tuple[Any, ...]) -> tuple[bool, Any]:
        pipe = self._pipe or self._start()
        pipe.send((work, given))
        good, answer = pipe.recv()
        return good, answer

    def _start(self) -> Connection:
        context = multiprocessing.get_context("spawn")
        here, there = context.Pipe()
        process = context.Process(target=_live, args=(there, self._niceness), name=self._name, daemon=True)
        process.start()
        there.close()
        with self._lock:
            self._process, self._pipe = process, here
        if self._closed:
            process.kill()
        return here

    def _drop(self) -> None:
        with self._lock:
            process, pipe, self._process, self._pipe = self._process, self._pipe, None, None
        if pipe is not None:
            pipe.close()
        if process is not None:
            process.join(_LEAVE_SECONDS)  # it leaves by itself once its pipe is closed
            process.kill()
            process.join(_LEAVE_SECONDS)


def _live(pipe: Connection, niceness: int) -> None:
    """Answer until the window closes its end of the pipe, or is gone."""
    os.environ["OMP_WAIT_POLICY"] = "PASSIVE"  # before torch is imported: busy threads would starve the worker
    os.environ["HF_HUB_OFFLINE"] = "1"
    if niceness and hasattr(os, "nice"):
        os.nice(niceness)
    while True:
        try:
            work, given = pipe.recv()
        except (EOFError, OSError, KeyboardInterrupt):
            return
        try:
            answer = (True, work(*given))
        except Exception as error:
            answer = (False, error)
        try:
            pipe.send(answer)
        except OSError:
            return
        except Exception as error:  # an answer that cannot be pickled
            pipe.send((False, RuntimeError(f"{type(error).__name__}: {error}")))
