"""Second start: from the command to a complete page, and whether the window's process holds torch."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from studio.bench.report import Measure, middle, spread
from studio.bench.window import Window, opened

RUNS = 5


def measure(say: Callable[[str], None]) -> tuple[Measure, ...]:
    with tempfile.TemporaryDirectory(prefix="gimbal-bench-") as folder:
        home = Path(folder) / "home"
        with opened(home):
            say("first start done; measuring the next ones")
        windows, torch_maps, bare = [], 0, []
        for number in range(RUNS):
            bare.append(_bare_import_seconds())
            with opened(home) as window:
                windows.append(window)
                torch_maps += _maps_of_torch(window)
            say(f"start {number + 1} of {RUNS}: {window.usable_seconds:.2f} s")
    usable = [window.usable_seconds for window in windows]
    listening = [window.listening_seconds for window in windows]
    return (
        Measure(name="second start to a usable page", value=middle(usable), unit="s", limit=5, note=spread(usable)),
        Measure(name="second start to a listening port", value=middle(listening), unit="s", note=spread(listening)),
        Measure(name="importing gradio alone, beside it", value=middle(bare), unit="s", note=spread(bare)),
        Measure(
            name="a usable page, in imports of gradio",
            value=middle(usable) / middle(bare),
            unit="x",
            note="alternating in the same run",
        ),
        Measure(name="files of torch in the window's process", value=torch_maps, unit="files", limit=0),
    )


def _bare_import_seconds() -> float:
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", "import gradio"], check=True, capture_output=True)
    return time.monotonic() - began


def _maps_of_torch(window: Window) -> int:
    """How many libraries of torch the process has mapped into its memory (0 where the system does not tell)."""
    process = psutil.Process(window.pid)
    maps = process.memory_maps() if hasattr(process, "memory_maps") else []
    return sum("torch" in Path(entry.path).parts or "libtorch" in entry.path for entry in maps)
