"""One life of a head: open the studio, queue some takes, run the queue to its end. Runs in a child of the zygote."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from pathlib import Path
from typing import IO, Any

from studio.jobs.events import Setup
from studio.jobs.executors import Executor, Listener
from studio.jobs.executors.process import ProcessExecutor, worker_environment
from studio.settings import Settings
from studio.studio import Studio, default_request
from tests.crash import zygote


class Forked:
    """A worker process forked by the zygote; see `WorkerProcess`."""

    def __init__(self, path: str, env: dict[str, str]) -> None:
        (their_in, own_out), (own_in, their_out) = os.pipe(), os.pipe()
        request = {"kind": "worker", "env": env}
        self._connection: socket.socket
        self._connection, self.pid = zygote.ask(path, request, (their_in, their_out))
        os.close(their_in)
        os.close(their_out)
        self.stdin: IO[bytes] | None = os.fdopen(own_out, "wb")
        self.stdout: IO[bytes] | None = os.fdopen(own_in, "rb")
        self._code: int | None = None

    def kill(self) -> None:
        if self._code is None:
            try:
                os.kill(self.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def wait(self, timeout: float | None = None) -> int:
        if self._code is None:
            self._connection.settimeout(timeout)
            try:
                self._code = zygote.answer(self._connection)
            except TimeoutError:
                raise subprocess.TimeoutExpired("worker", timeout or 0.0) from None
        return self._code


def head(plan: dict[str, Any]) -> None:
    """plan: home, assets, socket, report (a file), takes (0 = only run what is there), seed, worker_crash_at."""
    report = Report(Path(plan["report"]))
    first_worker = {"GIMBAL_CRASH_AT": plan["worker_crash_at"]}
    settings = Settings.read({}, home=Path(plan["home"]), assets=Path(plan["assets"]), device="cpu")

    def start_worker(listener: Listener) -> Executor:
        env = {**worker_environment({}), "GIMBAL_CRASH_AT": "", **first_worker}
        first_worker.clear()
        process = Forked(plan["socket"], env)
        report.line(f"worker {process.pid}")
        setup = Setup(assets=settings.assets, home=settings.home, device="cpu", budget_bytes=None)
        return ProcessExecutor(setup, process, listener)

    with Studio(settings, start_worker=start_worker) as studio:
        if plan["takes"]:
            request = default_request(studio.catalog.cards()[0]).with_seed(plan["seed"])
            project = studio.repository.list_projects()[0]
            for job in studio.queue.submit(project.id, request, takes=plan["takes"]):
                report.line(f"queued {job.id}")
        for job in studio.repository.list_jobs(("queued", "running")):
            studio.wait(job.id, timeout=60)
        report.line("done")


class Report:
    """Lines in a file that outlive whoever wrote them."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def line(self, text: str) -> None:
        with self._path.open("a") as file:
            file.write(text + "\n")

    def values(self, word: str) -> list[str]:
        """What followed `word` in each line that starts with it."""
        if not self._path.exists():
            return []
        lines = self._path.read_text().splitlines()
        return [line.partition(" ")[2] for line in lines if line.split(" ")[0] == word]
