"""A worker in a process of its own: started clean, never forked from the window, gone when the window goes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Protocol

from pipelines.domain.errors import WorkerDied
from studio.home import storage_error
from studio.jobs.events import Command, Gone, Setup
from studio.jobs.executors import Listener
from studio.jobs.pipe import Pipe

_LOG_BYTES = 4 * 2**20
_END_SECONDS = 2.0
_KILL_SECONDS = 5.0  # a process that waits for a broken disk cannot even die
_CODE = Path(__file__).resolve().parents[3]


class WorkerProcess(Protocol):
    """A process that runs `studio.jobs.worker.main` on its stdin and stdout: what `spawn` returns."""

    pid: int
    stdin: IO[bytes] | None
    stdout: IO[bytes] | None

    def kill(self) -> None: ...

    def wait(self, timeout: float | None = None) -> int: ...


class ProcessExecutor:
    """A worker process and the pipe to it."""

    def __init__(self, setup: Setup, process: WorkerProcess, listener: Listener) -> None:
        assert process.stdin is not None and process.stdout is not None
        self._process = process
        self._pipe = Pipe(process.stdout, process.stdin)
        self._listener = listener
        self._ended = threading.Event()
        self._pipe.send(setup)
        threading.Thread(target=self._listen, name="worker-listener", daemon=True).start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, command: Command) -> None:
        self._pipe.send(command)

    def kill(self) -> None:
        self._process.kill()
        self._ended.wait(_KILL_SECONDS)

    def _listen(self) -> None:
        try:
            while True:
                self._listener(self._pipe.receive())
        except EOFError:
            pass
        try:
            code = self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()  # without its pipe it is of no use, whatever it still does
            code = self._process.wait()
        self._ended.set()
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


def spawn(log: Path, module: str = "studio.jobs.worker") -> subprocess.Popen[bytes]:
    """Start a process that runs a module; what it prints is added to `log`. Raises StorageError, WorkerDied."""
    # A session of its own: Ctrl-C in the terminal belongs to the head, which then ends the worker in order.
    windows = getattr(subprocess, "CREATE_NO_WINDOW", 0) | getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
    command = [sys.executable, "-m", module]
    pipe, env = subprocess.PIPE, worker_environment(os.environ)
    with _open_log(log) as file:
        try:
            return subprocess.Popen(
                command, stdin=pipe, stdout=pipe, stderr=file, env=env, start_new_session=True, creationflags=windows
            )
        except OSError as error:
            message = f"The worker process could not be started ({error})."
            raise WorkerDied(message, "Close other programs, then retry.") from error


def _open_log(log: Path) -> IO[bytes]:
    """The log to append to, moved aside when it has grown. Raises StorageError, WorkerDied."""
    try:
        if log.exists() and log.stat().st_size > _LOG_BYTES:
            log.replace(log.with_suffix(".old.log"))
        return log.open("ab")
    except OSError as error:
        raise storage_error(error, log) from error
