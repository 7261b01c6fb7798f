"""The place of the one worker of a device: started when it is needed, kept, replaced when it is gone."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from studio.jobs.events import Command, Message
from studio.jobs.executors import Executor, StartExecutor


@dataclass(frozen=True)
class Heard:
    """A message of worker number `worker`; that of an earlier one than the present means nothing any more."""

    worker: int
    message: Message


class Slot:
    """Holds at most one worker. Used from the dispatcher's thread alone, except that `put` is called from others."""

    def __init__(self, start: StartExecutor, put: Callable[[Heard], None]) -> None:
        self._start = start
        self._put = put
        self._executor: Executor | None = None
        self._number = 0
        self._heard_at = 0.0
        self.ready = False

    @property
    def occupied(self) -> bool:
        return self._executor is not None

    @property
    def silent_seconds(self) -> float:
        """How long the worker has said nothing; 0 without one."""
        return time.monotonic() - self._heard_at if self.occupied else 0.0

    def ensure(self) -> None:
        """Start a worker if there is none. Raises StorageError or OSError."""
        if self._executor is not None:
            return
        self._number += 1
        number = self._number
        self.ready = False
        self._heard_at = time.monotonic()
        self._executor = self._start(lambda message: self._put(Heard(number, message)))

    def hears(self, heard: Heard) -> bool:
        """Whether a message is of the present worker; notes that it lives."""
        if heard.worker != self._number or self._executor is None:
            return False
        self._heard_at = time.monotonic()
        return True

    def send(self, command: Command) -> None:
        if self._executor is not None:
            self._executor.send(command)

    def drop(self) -> None:
        """End the worker at once; what it still says is not heard."""
        executor, self._executor, self.ready = self._executor, None, False
        if executor is not None:
            executor.kill()
