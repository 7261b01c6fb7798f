"""From the click to the stored clip on the default model, beside bare calls of the same pipeline, in turns."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from pipelines.domain.errors import GimbalError
from pipelines.domain.request import GenerationRequest
from studio.bench.report import Measure, middle, spread
from studio.settings import Settings
from studio.studio import Studio, default_request

RUNS = 7


@dataclass(frozen=True, kw_only=True)
class Taken:
    """What one clip took: seconds on the clock, seconds of processor time; and which frames it has."""

    seconds: float
    processor_seconds: float
    frames_sha256: str


def measure(say: Callable[[str], None], settings: Settings | None = None, runs: int = RUNS) -> tuple[Measure, ...]:
    ours: list[Taken] = []
    alone: list[Taken] = []
    with tempfile.TemporaryDirectory(prefix="gimbal-bench-") as folder:
        with Studio((settings or Settings.read()).replace(home=Path(folder) / "home")) as studio:
            card = studio.catalog.cards()[0]
            request = default_request(card)
            cold = _click(studio, request)
            say(f"the first clip, with a cold worker: {cold.seconds:.2f} s")
            with _bare(card.folder) as call:
                call(request)
                for seed in range(runs):
                    asked = request.with_seed(seed)
                    ours.append(_click(studio, asked))
                    alone.append(call(asked))
                    told = f"{ours[-1].seconds:.2f} s, the bare call {alone[-1].seconds:.2f} s"
                    say(f"clip {seed + 1} of {runs}: {told}")
    shape = f"{card.id} {request.width}x{request.height}, {request.num_frames} frames, {request.steps} steps"
    other = sum(a.frames_sha256 != b.frames_sha256 for a, b in zip(ours, alone, strict=True))
    walls, bare_walls = [t.seconds for t in ours], [t.seconds for t in alone]
    busy, bare_busy = [t.processor_seconds for t in ours], [t.processor_seconds for t in alone]
    taken, best = f"{shape}; {spread(walls)}", "of the fastest of each, as the least disturbed"
    return (
        Measure(name="click to stored clip", value=middle(walls), unit="s", limit=15, note=taken),
        Measure(name="click to stored clip, cold worker", value=cold.seconds, unit="s", limit=15, note="loads torch"),
        Measure(name="the bare pipeline call", value=middle(bare_walls), unit="s", note=spread(bare_walls)),
        Measure(
            name="the studio's own overhead", value=_above(min(walls), min(bare_walls)), unit="%", limit=10, note=best
        ),
        Measure(name="the same, of medians", value=_above(middle(walls), middle(bare_walls)), unit="%"),
        Measure(name="the same, of processor time", value=_above(middle(busy), middle(bare_busy)), unit="%"),
        Measure(name="clips with other frames than the bare call", value=other, unit="clips", limit=0),
    )


def _above(ours: float, alone: float) -> float:
    """How much more ours is, in percent."""
    return 100 * (ours / alone - 1)


def _click(studio: Studio, request: GenerationRequest) -> Taken:
    """From the submission to the moment the clip is in the library."""
    project = studio.repository.list_projects()[0]
    began, busy = time.monotonic(), _processor_seconds()
    row = studio.wait(studio.queue.submit(project.id, request)[0].id)
    seconds, busy = time.monotonic() - began, _processor_seconds() - busy
    if row.clip_id is None:
        raise GimbalError(row.error_message or "The job failed.", row.error_hint or "")
    digest = studio.repository.clip(row.clip_id).frames_sha256
    return Taken(seconds=seconds, processor_seconds=busy, frames_sha256=digest)


def _processor_seconds() -> float:
    """Of this process and its workers, without the process of the bare calls (which waits meanwhile)."""
    here = psutil.Process()
    times = [process.cpu_times() for process in (here, *here.children())]
    return sum(t.user + t.system for t in times)


@contextlib.contextmanager
def _bare(folder: Path) -> Iterator[Callable[[GenerationRequest], Taken]]:
    """Calls of the stock pipeline in a process of its own."""
    command = [sys.executable, "-m", "studio.bench.bare", str(folder)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdin is not None and process.stdout is not None
        process.stdout.readline()

        def call(request: GenerationRequest) -> Taken:
            assert process.stdin is not None and process.stdout is not None
            process.stdin.write(request.to_json() + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
            if not line:
                raise GimbalError("The bare pipeline ended.", f"Run {' '.join(command)} to see why.")
            return Taken(**json.loads(line))

        yield call
        process.stdin.close()
