"""Where a worker runs. An executor is started with a listener and stays until it is killed or ends itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from studio.jobs.events import Command, Message

Listener = Callable[[Message], None]


class Executor(Protocol):
    """One running worker. Its listener is called from a thread of the executor's own, last with `Gone`."""

    @property
    def pid(self) -> int: ...

    def send(self, command: Command) -> None:
        """Hand a command over; where the worker has gone, `Gone` is what tells."""
        ...

    def kill(self) -> None:
        """End the worker at once; returns when it has gone."""
        ...


StartExecutor = Callable[[Listener], Executor]
