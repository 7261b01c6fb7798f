"""The phases of a whole test run: each a pytest of its own, bounded in time, of which nothing is left at its end.

A phase's output goes through a pipe of ours, never straight to the caller's: a browser or a window that outlives its
test can therefore not keep whoever reads our output waiting.
"""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import psutil

ROOT = Path(__file__).resolve().parents[2]
MARK = "GIMBAL_TEST_PHASE"
OVER_TIME = 124
GIGABYTES_EACH = 2.5
SLOW = ("programs", "checkpoints", "toybox", "crash", "browser", "gpu")
# One worker and not none: a test that hangs ends its worker, fails alone, and the rest go on in the next worker.
ALONE = ("-n", "1", "--max-worker-restart", "6")
# Tests of one file share what they set up, so they stay together and in their order.
BY_FILE = ("--dist", "loadfile", "--no-loadscope-reorder")


@dataclass(frozen=True)
class Phase:
    """name: what is told. arguments: pytest's. seconds: how long it may take before it is ended.

    threads: how many each process may compute with, 0 for what it chooses itself.
    """

    name: str
    arguments: tuple[str, ...]
    seconds: float
    threads: int = 0


def every() -> tuple[Phase, ...]:
    """What `launch.py test` runs, in this order."""
    everywhere = ("-n", str(workers()), *BY_FILE)
    return (
        Phase("quick tests", ("-m", f"not {' and not '.join(SLOW)}", *everywhere), 900, threads=1),
        Phase("program tests", ("-m", "programs", *everywhere), 600, threads=1),
        Phase("checkpoint tests", ("-m", "checkpoints", *everywhere), 600, threads=1),
        Phase("toybox tests", ("-m", "toybox", *everywhere), 600, threads=1),
        Phase("crash tests", ("-m", "crash", *ALONE), 600),
        Phase("browser tests", ("-m", "browser", *ALONE), 1200),
    )


def workers() -> int:
    """One for each core this process may use, as far as the memory reaches (each imports torch)."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores, 8, int(psutil.virtual_memory().available / 2**30 / GIGABYTES_EACH)))


def run_all(phases: tuple[Phase, ...]) -> int:
    """Run every phase, whatever became of the one before; 0 when all passed, else 1."""
    told = []
    failed = False
    for phase in phases:
        _say(f"\n===== {phase.name} (at most {phase.seconds:.0f} s) =====\n")
        began = time.monotonic()
        code = run(phase)
        failed |= code != 0
        verdict = {0: "passed", OVER_TIME: "OVER ITS TIME"}.get(code, f"FAILED (exit code {code})")
        told.append(f"{phase.name}: {verdict} in {time.monotonic() - began:.0f} s")
    _say("\n" + "\n".join(told) + "\n")
    return int(failed)


def run(phase: Phase) -> int:
    """Run one phase in a session of its own and end whatever is left of it; pytest's exit code, or OVER_TIME."""
    mark = secrets.token_hex(8)
    threads = {"OMP_NUM_THREADS": str(phase.threads)} if phase.threads else {}
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", *phase.arguments, *_colour()],
        cwd=ROOT,
        env={**os.environ, **threads, MARK: mark},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        **_apart(),
    )
    reader = threading.Thread(target=_pass_on, args=(process.stdout,), daemon=True)
    reader.start()
    try:
        return process.wait(phase.seconds)
    except subprocess.TimeoutExpired:
        _say(f"\nThe {phase.name} are not done after {phase.seconds:.0f} s. What every thread does now:\n")
        _show_stacks(process.pid)
        return OVER_TIME
    finally:
        end_all(mark)
        process.wait(10)
        reader.join(2)


def end_all(mark: str) -> None:
    """Kill every process that carries the mark in its environment, however it came loose from its parents."""
    for _ in range(20):
        found = list(_marked(mark))
        if not found:
            return
        for process in found:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        psutil.wait_procs(found, timeout=1)


def _marked(mark: str) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == mark:
                yield process
        except (psutil.Error, OSError):
            continue


def _show_stacks(pid: int) -> None:
    """Have pytest and its workers print all stacks and die, which their fault handler does on an abort."""
    if sys.platform == "win32":
        return
    try:
        pytest = psutil.Process(pid)
        doomed = [child for child in pytest.children() if child.name().startswith("python")] + [pytest]
        for process in doomed:
            process.send_signal(signal.SIGABRT)
            psutil.wait_procs([process], timeout=3)
    except psutil.NoSuchProcess:
        return


def _apart() -> dict[str, Any]:
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}


def _colour() -> tuple[str, ...]:
    return ("--color=yes",) if sys.stdout.isatty() else ()


def _pass_on(stream: IO[bytes]) -> None:
    while data := os.read(stream.fileno(), 65536):
        _write(data)


def _say(text: str) -> None:
    _write(text.encode())


def _write(data: bytes) -> None:
    while data:
        data = data[os.write(1, data) :]
