"""What a window costs while nothing happens: processor time of its processes, with a page connected."""

from __future__ import annotations

import contextlib
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

from studio.bench.report import Measure
from studio.bench.window import opened

SECONDS, PATIENCE = 30.0, 90.0
QUIET = 0.05


def measure(say: Callable[[str], None]) -> tuple[Measure, ...]:
    with tempfile.TemporaryDirectory(prefix="gimbal-bench-") as folder, opened(Path(folder) / "home") as window:
        with _listening(f"{window.url}gimbal/events"):
            processes = _settled(psutil.Process(window.pid), say)
            say(f"measuring {SECONDS:.0f} s of doing nothing")
            before = [_busy(process) for process in processes]
            time.sleep(SECONDS)
            shares = [100 * (_busy(p) - b) / SECONDS for p, b in zip(processes, before, strict=True)]
            memory = [process.memory_info().rss / 2**20 for process in processes]
    note = f"over {SECONDS:.0f} s with one page connected"
    return (
        Measure(name="idle window, all its processes", value=sum(shares), unit="% of a core", limit=1, note=note),
        Measure(name="the window's process alone", value=shares[0], unit="% of a core", limit=1),
        Measure(name="memory of the window's process", value=memory[0], unit="MiB"),
        Measure(name="memory of its worker, model loaded", value=sum(memory[1:]), unit="MiB"),
    )


def _settled(window: psutil.Process, say: Callable[[str], None]) -> list[psutil.Process]:
    """The window and its children, once the worker has warmed up and is quiet."""
    deadline = time.monotonic() + PATIENCE
    say("waiting for the worker to have warmed up")
    time.sleep(10)
    while True:
        processes = [window, *window.children(recursive=True)]
        before = sum(map(_busy, processes))
        time.sleep(3)
        if sum(map(_busy, processes)) - before < 3 * QUIET or time.monotonic() > deadline:
            return processes


def _busy(process: psutil.Process) -> float:
    """Seconds of processor time so far."""
    times = process.cpu_times()
    return float(times.user + times.system)


@contextlib.contextmanager
def _listening(url: str) -> Iterator[None]:
    """Hold the stream of events open, as a page does."""
    answer = urllib.request.urlopen(url, timeout=PATIENCE + 2 * SECONDS)

    def read() -> None:
        with contextlib.suppress(OSError, ValueError, AttributeError):
            while answer.readline():
                pass

    threading.Thread(target=read, daemon=True).start()
    try:
        yield
    finally:
        answer.close()
