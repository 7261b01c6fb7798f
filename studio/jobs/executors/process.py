"""A worker in a process of its own: started clean, never forked from the window, gone when the window goes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from pipelines.domain.errors import WorkerDied
from studio.home import storage_error
from studio.jobs.events import Command, Gone, Setup
from studio.jobs.executors import Listener
from studio.jobs.pipe import Pipe

_LOG_BYTES = 4 * 2**20
_CODE = Path(__file__).resolve().parents[3]


class ProcessExecutor:
    """`python -m studio.jobs.worker` and a pipe to it; `log` takes what it prints. Raises StorageError, WorkerDied."""

    def __init__(self, setup: Setup, log: Path, listener: Listener) -> None:
        with _open_log(log) as file:
            self._process = _spawn(file)
        assert self._process.stdin is not None and self._process.stdout is not None
        self._pipe = Pipe(self._process.stdout, self._process.stdin)
        self._listener = listener
        self._pipe.send(setup)
        threading.Thread(target=self._listen, name="worker-listener", daemon=True).start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, command: Command) -> None:
        self._pipe.send(command)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def _listen(self) -> None:
        try:
            while True:
                self._listener(self._pipe.receive())
        except EOFError:
            pass
        self._process.kill()  # without its pipe it is of no use, whatever it still does
        code = self._process.wait()
        self._pipe.close()
        self._listener(Gone(reason=ending(code)))


def worker_environment(env: Mapping[str, str]) -> dict[str, str]:
    """The environment of a worker: no busy waiting of threads, no calls home, this code importable."""
    paths = [str(_CODE), *filter(None, env.get("PYTHONPATH", "").split(os.pathsep))]
    return {
        **env,
        "PYTHONPATH": os.pathsep.join(dict.fromkeys(paths)),
        "PYTHONUNBUFFERED": "1",
        "PYTHONFAULTHANDLER": "1",
        "OMP_WAIT_POLICY": "PASSIVE",
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "TOKENIZERS_PARALLELISM": "false",
    }


def ending(code: int) -> str:
    """How a process ended, in plain words."""
    if code == 0:
        return "it left"
    if code > 0:
        return f"it ended with code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    if name == "SIGKILL":
        return "the system ended it (SIGKILL), which most often means that memory ran out"
    return f"it crashed ({name})"


def _spawn(log: IO[bytes]) -> subprocess.Popen[bytes]:
    # A session of its own: Ctrl-C in the terminal belongs to the head, which then ends the worker in order.
    windows = getattr(subprocess, "CREATE_NO_WINDOW", 0) | getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
    try:
        return subprocess.Popen(
            [sys.executable, "-m", "studio.jobs.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env=worker_environment(os.environ),
            start_new_session=True,
            creationflags=windows,
        )
    except OSError as error:
        raise WorkerDied(
            f"The worker process could not be started ({error}).", "Close other programs, retry."
        ) from error


def _open_log(log: Path) -> IO[bytes]:
    """The log to append to, moved aside when it has grown. Raises StorageError, WorkerDied."""
    try:
        if log.exists() and log.stat().st_size > _LOG_BYTES:
            log.replace(log.with_suffix(".old.log"))
        return log.open("ab")
    except OSError as error:
        raise storage_error(error, log) from error
