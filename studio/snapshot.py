"""What a screen shows of the studio at one moment, and the board from which it learns that something changed."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from pipelines.models.device import DeviceFacts
from projects_db.records import JobRow, JobState
from projects_db.repository import Repository
from studio.jobs.events import Progressed
from studio.jobs.pace import SPANS

WorkerState = Literal["off", "starting", "ready", "working"]
Where = Literal["here", "elsewhere", "unknown"]
Listener = Callable[[int], None]
ENDED: Final[tuple[JobState, ...]] = ("failed", "stopped", "finished")
QUEUED: Final[tuple[JobState, ...]] = ("queued",)
LONGEST_WAIT: Final = 500
LATEST: Final = 30
_COUNTED: Final = ("denoising", "training", "fetching", "checking")


@dataclass(frozen=True, kw_only=True)
class JobView:
    """One job as it is shown. position: 1 = next, None unless queued. fraction: 0..1 of the whole job.

    stopping: it was told to stop and has not left yet. preview_version grows with each new picture, 0 = none.
    task: "clip", or what else it does (see `studio.jobs.tasks`).
    """

    id: str
    project_id: str
    state: JobState
    prompt: str
    model: str
    take_group: str
    created_at: float
    started_at: float | None
    ended_at: float | None
    stage: str | None
    step: int
    steps: int
    fraction: float
    eta_seconds: float | None
    position: int | None
    attempts: int
    stopping: bool
    preview_version: int
    error_message: str | None
    error_hint: str | None
    clip_id: str | None
    task: str = "clip"


@dataclass(frozen=True, kw_only=True)
class Notice:
    """Something the person should know about the queue as a whole, with the next step."""

    message: str
    hint: str


@dataclass(frozen=True, kw_only=True)
class Machine:
    """The device clips are made on. measured: told by the worker, else guessed without torch."""

    device: DeviceFacts
    measured: bool
    worker: WorkerState


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """The queue at one moment. waiting is in order; failed, stopped and finished have the latest first.

    running: what the device does, then what is fetched beside it.
    dispatching: who makes the clips: this process ("here"), another one ("elsewhere"), or not known.
    counts: how many jobs are in each state; the lists show at most LONGEST_WAIT and LATEST of them.
    """

    version: int
    paused: bool
    notice: Notice | None
    dispatching: Where
    running: tuple[JobView, ...]
    waiting: tuple[JobView, ...]
    failed: tuple[JobView, ...]
    stopped: tuple[JobView, ...]
    finished: tuple[JobView, ...]
    counts: Mapping[JobState, int]
    machine: Machine

    def as_dict(self) -> dict[str, Any]:
        """Plain lists, dicts, numbers and text."""
        return dataclasses.asdict(self)


@dataclass(frozen=True, kw_only=True)
class Rows:
    """What a snapshot takes from the database. latest: those that ended last, by how they ended."""

    paused: bool
    running: tuple[JobRow, ...]
    waiting: tuple[JobRow, ...]
    latest: Mapping[JobState, tuple[JobRow, ...]]
    counts: Mapping[JobState, int]


def read_rows(repository: Repository) -> Rows:
    """The jobs that a screen shows."""
    return Rows(
        paused=repository.get_paused(),
        running=repository.running_jobs(),
        waiting=repository.list_jobs(QUEUED, LONGEST_WAIT),
        latest={state: repository.list_jobs((state,), LATEST) for state in ENDED},
        counts=repository.count_jobs(),
    )


@dataclass(frozen=True, kw_only=True)
class Live:
    """What only the process that runs a job knows of it."""

    progressed: Progressed
    preview: bytes | None = None
    preview_version: int = 0
    stopping: bool = False


class Board:
    """Where the threads of the studio post what changed, and where others wait for it. Thread-safe."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._version = 1
        self._rows_version = 1
        self._live: dict[str, Live] = {}
        self._notice: Notice | None = None
        self._worker: WorkerState = "off"
        self._device: DeviceFacts | None = None
        self._listeners: list[Listener] = []

    @property
    def version(self) -> int:
        with self._changed:
            return self._version

    @property
    def rows_version(self) -> int:
        """Grows with changes of the database alone."""
        with self._changed:
            return self._rows_version

    def touch(self) -> None:
        """Something in the database changed."""
        self._bump(rows=1)

    def _bump(self, rows: int = 0) -> None:
        with self._changed:
            self._version += 1
            self._rows_version += rows
            version, listeners = self._version, tuple(self._listeners)
            self._changed.notify_all()
        for listener in listeners:
            listener(version)

    def wait(self, version: int, timeout: float) -> int:
        """Block until the version differs from `version` or the time is over; returns the version then."""
        with self._changed:
            self._changed.wait_for(lambda: self._version != version, timeout)
            return self._version

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Have `listener(version)` called after each change, from the thread that made it; returns the way out."""
        with self._changed:
            self._listeners.append(listener)

        def leave() -> None:
            with self._changed:
                if listener in self._listeners:
                    self._listeners.remove(listener)

        return leave

    def progress(self, message: Progressed) -> None:
        """A job went on; a message without a picture keeps the last one."""
        with self._changed:
            last = self._live.get(message.job_id)
            preview, count = (last.preview, last.preview_version) if last else (None, 0)
            if message.preview is not None:
                preview, count = message.preview, count + 1
            live = Live(
                progressed=dataclasses.replace(message, preview=None),
                preview=preview,
                preview_version=count,
                stopping=last.stopping if last else False,
            )
            self._live[message.job_id] = live
        self._bump()

    def stopping(self, job_id: str) -> None:
        """A job was told to stop."""
        with self._changed:
            if job_id in self._live:
                self._live[job_id] = dataclasses.replace(self._live[job_id], stopping=True)
        self._bump()

    def forget(self, job_id: str) -> None:
        """A job runs no longer."""
        with self._changed:
            self._live.pop(job_id, None)
        self._bump()

    def live(self, job_id: str) -> Live | None:
        with self._changed:
            return self._live.get(job_id)

    def tell(self, notice: Notice | None) -> None:
        """Show a notice, or take the last one away."""
        with self._changed:
            same = self._notice == notice
            self._notice = notice
        if not same:
            self._bump()

    @property
    def notice(self) -> Notice | None:
        with self._changed:
            return self._notice

    def worker(self, state: WorkerState, device: DeviceFacts | None = None) -> None:
        """The worker's state changed; with `device` when it has measured its own."""
        with self._changed:
            same = self._worker == state and device is None
            self._worker = state
            self._device = device or self._device
        if not same:
            self._bump()

    def memory(self, free_bytes: int | None) -> None:
        """The device's free memory; no change worth telling, the next snapshot shows it."""
        with self._changed:
            if free_bytes is not None and self._device is not None:
                self._device = dataclasses.replace(self._device, free_bytes=free_bytes)

    def machine(self, guessed: DeviceFacts) -> Machine:
        """The device as the worker measured it, or as it was guessed."""
        with self._changed:
            measured = self._device is not None
            return Machine(device=self._device or guessed, measured=measured, worker=self._worker)


def job_view(row: JobRow, live: Live | None, position: int | None = None) -> JobView:
    """A row and what is known of it beyond the database, as it is shown."""
    stage, step, steps, eta = row.stage, row.step, row.steps, row.eta_seconds
    fraction = 1.0 if row.state == "finished" else _fraction(row)
    if live is not None and row.state == "running":
        now = live.progressed
        stage, step, steps, eta, fraction = now.stage, now.step, now.steps, now.eta_seconds, now.fraction
    return JobView(
        id=row.id,
        project_id=row.project_id,
        state=row.state,
        prompt=row.prompt,
        model=row.model,
        take_group=row.take_group,
        created_at=row.created_at,
        started_at=row.started_at,
        ended_at=row.ended_at,
        stage=stage,
        step=step,
        steps=steps,
        fraction=fraction,
        eta_seconds=eta,
        position=position,
        attempts=row.attempts,
        stopping=live is not None and live.stopping,
        preview_version=live.preview_version if live else 0,
        error_message=row.error_message,
        error_hint=row.error_hint,
        clip_id=row.clip_id,
        task=row.task,
    )


def _fraction(row: JobRow) -> float:
    """The share of a job that another process runs, from what it wrote down last."""
    if row.state != "running" or row.stage is None:
        return 0.0
    low, high = next((span for name, span in SPANS.items() if name == row.stage), (0.0, 0.0))
    within = row.step / row.steps if row.steps and row.stage in _COUNTED else 0.0
    return low + (high - low) * within
