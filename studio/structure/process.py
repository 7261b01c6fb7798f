"""The bench's process: reads sources, finds their structure, writes clips.

Started as `python -m studio.structure.process`. It ends itself when the pipe to its head closes. Torch is imported when
the first model is needed, never for the rest.
"""

from __future__ import annotations

import logging
import os
import queue
import signal
import sys
import threading
import time
from typing import Any

from pipelines.domain.errors import GimbalError, Stopped
from studio.jobs.making import failure
from studio.jobs.pipe import Pipe, over_stdio
from studio.structure.messages import Answer, Begin, Do, Failed, Leave, Share, Written

_TELL_SECONDS = 0.1
_log = logging.getLogger("gimbal.structure")


class Process:
    """Does one task after the other. `serve` runs in the main thread, listening in its own."""

    def __init__(self, pipe: Pipe, begin: Begin) -> None:
        self._pipe, self._begin = pipe, begin
        self._inbox: queue.SimpleQueue[Do] = queue.SimpleQueue()
        self._left: set[str] = set()
        self._hands: Any = None

    def serve(self) -> None:
        """Until the head is gone."""
        threading.Thread(target=self._listen, name="listen", daemon=True).start()
        while True:
            do = self._inbox.get()
            self._pipe.send(self._answer(do))
            self._left.discard(do.task_id)

    def _answer(self, do: Do) -> Answer:
        from studio.structure.doing import Hands, Paths
        from studio.structure.wishes import wish_from

        began = time.monotonic()
        try:
            if self._hands is None:
                self._hands = Hands(self._begin.added)
            paths = Paths(media=do.media, clip=do.clip, mask=do.mask)
            made = self._hands.do(wish_from(dict(do.wish)), paths, self._teller(do.task_id))
        except Exception as error:
            for path in (do.clip, do.mask):
                path.unlink(missing_ok=True)
            if not isinstance(error, GimbalError | MemoryError):
                _log.exception("A wish failed")
            kind, message, hint = failure(error)
            return Failed(task_id=do.task_id, kind=kind, message=message, hint=hint)
        seconds = time.monotonic() - began
        return Written(
            task_id=do.task_id, estimator=made.estimator, notes=made.notes, has_mask=made.has_mask, seconds=seconds
        )

    def _teller(self, task_id: str) -> Any:
        last = 0.0

        def tell(fraction: float) -> None:
            nonlocal last
            if task_id in self._left:
                raise Stopped("It was stopped.")
            now = time.monotonic()
            if now - last >= _TELL_SECONDS:
                last = now
                self._pipe.send(Share(task_id=task_id, fraction=min(max(fraction, 0.0), 1.0)))

        return tell

    def _listen(self) -> None:
        try:
            while True:
                command = self._pipe.receive()
                if isinstance(command, Leave):
                    self._left.add(command.task_id)
                else:
                    self._inbox.put(command)
        except EOFError:
            os._exit(0)  # the head is gone: nobody is left to make anything for


def main() -> None:
    """The life of the process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    pipe = over_stdio()
    logging.basicConfig(stream=sys.stderr, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    try:
        begin = pipe.receive()
    except EOFError:
        return
    Process(pipe, begin).serve()


if __name__ == "__main__":
    main()
