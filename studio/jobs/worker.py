"""The worker process: owns the device and the models, makes clips one after another, speaks over a pipe.

Started as `python -m studio.jobs.worker`. It imports torch after it has begun to listen, ends itself when the pipe
closes (so that no worker outlives its head), and writes nothing but the two files that a `Run` names.
"""

from __future__ import annotations

import logging
import os
import queue
import signal
import sys
import threading
import time
from typing import assert_never

from pipelines.domain.errors import DeviceLost, GimbalError, Stopped
from studio.jobs.crashpoint import reach
from studio.jobs.events import Ahead, Command, Errored, Halted, Heartbeat, Message, Quit, Run, Setup, Stop, Unable, Warm
from studio.jobs.making import Maker, failure
from studio.jobs.pipe import Pipe, over_stdio
from studio.jobs.tasks import CLIP

HEARTBEAT_SECONDS = 2.0
_SPENT = frozenset({"Unexpected", DeviceLost.__name__})  # what leaves a process in which nothing can be relied on
_log = logging.getLogger("gimbal.worker")


class Worker:
    """Takes commands from a pipe. `serve` runs in the main thread, listening and the heartbeat in their own."""

    def __init__(self, setup: Setup, pipe: Pipe) -> None:
        self._setup = setup
        self._pipe = pipe
        self._inbox: queue.SimpleQueue[Run | Warm | Quit] = queue.SimpleQueue()
        self._stopped: set[str] = set()
        self._maker: Maker | None = None

    def serve(self) -> None:
        """Come up, then do what is asked until told to quit."""
        threading.Thread(target=self._listen, name="listen", daemon=True).start()
        threading.Thread(target=self._beat, name="heartbeat", daemon=True).start()
        maker = self._come_up()
        while maker is not None:
            command = self._inbox.get()
            match command:
                case Run():
                    maker = self._run(maker, command)
                case Warm():
                    self._warm(maker, command)
                case Quit():
                    return
                case _:
                    assert_never(command)

    def _come_up(self) -> Maker | None:
        try:
            maker = Maker(self._setup)
        except Exception as error:
            _log.exception("The worker cannot start")
            kind, message, hint = failure(error)
            self._send(Unable(message=f"{message} ({kind})", hint=hint))
            return None
        self._maker = maker
        reach("worker.ready")
        self._send(maker.ready())
        return maker

    def _run(self, maker: Maker, run: Run) -> Maker | None:
        """Make a clip and answer; None when the worker must not go on."""
        reach("worker.started")
        message = self._answer(maker, run)
        self._stopped.discard(run.job_id)
        if not isinstance(message, Errored | Halted):
            reach("worker.written")
        else:
            run.clip.unlink(missing_ok=True)
            run.poster.unlink(missing_ok=True)
        self._send(message)
        reach("worker.answered")
        return None if isinstance(message, Errored) and message.spent else maker

    def _answer(self, maker: Maker, run: Run) -> Message:
        try:
            do = maker.make if run.task == CLIP else maker.do
            return do(run, self._send, lambda: run.job_id in self._stopped)
        except Exception as error:
            if isinstance(error, Stopped):
                return Halted(job_id=run.job_id)
            if not isinstance(error, GimbalError | MemoryError):
                _log.exception("Job %s failed", run.job_id)
            kind, message, hint = failure(error)
            return Errored(job_id=run.job_id, kind=kind, message=message, hint=hint, spent=kind in _SPENT)

    def _warm(self, maker: Maker, warm: Warm) -> None:
        try:
            maker.warm(warm, lambda: not self._inbox.empty())
        except Stopped:
            pass
        except Exception:
            _log.exception("The model could not be warmed up")

    def _send(self, message: Message) -> None:
        self._pipe.send(message)

    def _listen(self) -> None:
        try:
            while True:
                self._take(self._pipe.receive())
        except EOFError:
            os._exit(0)  # the head is gone: nobody is left to make clips for

    def _take(self, command: Command) -> None:
        if isinstance(command, Stop):
            self._stopped.add(command.job_id)
        elif isinstance(command, Ahead):
            if self._maker is not None:
                self._maker.look_ahead(command)
        else:
            self._inbox.put(command)

    def _beat(self) -> None:
        while True:
            time.sleep(HEARTBEAT_SECONDS)
            self._send(Heartbeat(free_bytes=self._free_bytes()))

    def _free_bytes(self) -> int | None:
        try:
            return None if self._maker is None else self._maker.free_bytes()
        except Exception:  # a device in trouble is told by the job that met it
            return None


def main() -> None:
    """The life of a worker process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    pipe = over_stdio()
    logging.basicConfig(stream=sys.stderr, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    try:
        setup = pipe.receive()
    except EOFError:
        return
    Worker(setup, pipe).serve()
    logging.shutdown()
    os._exit(0)  # threads of libraries must not keep a worker that was told to go


if __name__ == "__main__":
    main()
