"""A worker that follows a script instead of a model: for what the dispatcher does with every answer there is."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import numpy as np

from pipelines.domain.frames import Frames
from pipelines.domain.request import GenerationRequest
from pipelines.models.device import cpu_facts
from studio.jobs.events import Ahead, Command, Gone, Message, Produced, Ready, Run, Stop
from studio.jobs.executors import Listener
from studio.media.master import write_clip, write_poster
from studio.media.record import ClipRecord

Script = Callable[["Scripted", Run], Iterator[Message]]


class Scripted:
    """An executor whose script tells, for each run, what the worker says. It ends with `Gone` only if scripted so."""

    def __init__(self, listener: Listener, script: Script, *, ready: bool = True) -> None:
        self.pid = 0
        self.killed = threading.Event()
        self.stopped = threading.Event()
        self.ahead: list[str] = []  # the models it was told to come next
        self._listener = listener
        self._script = script
        if ready:
            listener(Ready(pid=0, device=cpu_facts()))

    def send(self, command: Command) -> None:
        if isinstance(command, Run):
            self.stopped.clear()
            threading.Thread(target=self._play, args=(command,), daemon=True).start()
        elif isinstance(command, Stop):
            self.stopped.set()
        elif isinstance(command, Ahead):
            self.ahead.append(command.model)

    def kill(self) -> None:
        self.killed.set()
        self.stopped.set()

    def _play(self, run: Run) -> None:
        for message in self._script(self, run):
            if self.killed.is_set():
                return
            self._listener(message)


def produce(run: Run) -> Produced:
    """The two files of a run, with noise of its seed for frames, and the message that goes with them."""
    request = GenerationRequest.from_json(run.request_json)
    shape = (request.num_frames, request.height, request.width, 3)
    pixels = np.random.default_rng(request.seed).integers(0, 255, shape, dtype=np.uint8)
    frames = Frames(pixels, request.fps)
    record = ClipRecord(
        request=request, frames_sha256=frames.digest(), clip_id=run.clip_id, created_at=time.time(), facts=FACTS
    )
    write_clip(run.clip, frames, record)
    write_poster(run.poster, frames)
    return Produced(
        job_id=run.job_id,
        attempt=run.attempt,
        clip_id=run.clip_id,
        path=run.clip,
        poster=run.poster,
        frames_sha256=record.frames_sha256,
        width=frames.width,
        height=frames.height,
        num_frames=len(frames),
        fps=frames.fps,
        created_at=record.created_at,
        facts=FACTS,
    )


FACTS = {"flops": 1e9, "seconds": 2.0, "peak_bytes": 10**8, "load_seconds": 0.1, "rung": "none", "device": "cpu"}


def diligent(worker: Scripted, run: Run) -> Iterator[Message]:
    """Makes every clip at once."""
    yield produce(run)


def dying(worker: Scripted, run: Run) -> Iterator[Message]:
    """Dies over every clip."""
    yield Gone(reason="it crashed (SIGSEGV)")
