"""What the queue does besides making clips: one module per task, listed in `NAMES`.

A task's module has four functions and imports no torch by itself:

    check(spec_json)            in the head, before it is queued; raises InvalidRequest
    media(spec_json)            in the head: the content hashes of the files it needs
    work(context)               in the worker: does it; returns plain values for JSON. Raises GimbalError, Stopped
    keep(kept)                  in the head: puts what was made into library and history; returns what the job keeps

`work` may end in the middle at any time: it is then called again with the same folder, and goes on from what lies
there. `keep` may be called twice for one result.

Tasks of `BESIDE` need no device, so they hold up no clip: a thread of the head does them. Their modules have two
functions, and the second may end in the middle at any time, too:

    check(spec_json)            before it is queued; raises InvalidRequest
    do(context)                 does it; returns what the job keeps. Raises GimbalError, Stopped
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from pipelines.domain.errors import GimbalError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipelines.models.device import DeviceFacts
    from pipelines.models.manager import ModelManager
    from projects_db.records import JobRow
    from projects_db.repository import Repository
    from studio.home import Home
    from studio.jobs.events import JobStage
    from studio.library import Library
    from studio.settings import Settings

CLIP = "clip"
NAMES: tuple[str, ...] = ("train_subject",)
BESIDE: tuple[str, ...] = ("fetch_model", "verify_model")


class Report(Protocol):
    """Tells the head how far a task is; raises Stopped when the person stopped it."""

    def __call__(
        self,
        stage: JobStage,
        step: int = 0,
        steps: int = 0,
        *,
        fraction: float = 0.0,
        eta_seconds: float | None = None,
        preview: NDArray[Any] | None = None,
    ) -> None:
        """fraction: 0..1 of the whole task. preview: uint8 (T, H, W, 3), small."""
        ...


@dataclass(frozen=True, kw_only=True)
class TaskContext:
    """What a task has in the worker. media: content hash -> file. folder: its own, kept until the task has ended well.

    manager: the models of the device, with their catalog; a task that needs the memory evicts from it.
    """

    job_id: str
    attempt: int
    spec_json: str
    media: Mapping[str, Path]
    folder: Path
    home: Home
    device: DeviceFacts
    manager: ModelManager
    report: Report


@dataclass(frozen=True, kw_only=True)
class KeepContext:
    """What a task has in the head, once `work` has returned `result`."""

    job: JobRow
    result: Mapping[str, Any]
    folder: Path
    home: Home
    library: Library
    repository: Repository


class BesideReport(Protocol):
    """Tells how far a task of `BESIDE` is; raises Stopped when it is to be left."""

    def __call__(self, stage: JobStage, done: int = 0, total: int = 0, eta_seconds: float | None = None) -> None:
        """done, total: bytes."""
        ...


@dataclass(frozen=True, kw_only=True)
class BesideContext:
    """What a task of `BESIDE` has."""

    spec_json: str
    home: Home
    settings: Settings
    report: BesideReport


class BesideTask(Protocol):
    """One module of `BESIDE`."""

    def check(self, spec_json: str) -> None: ...

    def do(self, context: BesideContext) -> Mapping[str, Any]: ...


class Task(Protocol):
    """One module of this package."""

    def check(self, spec_json: str) -> None: ...

    def media(self, spec_json: str) -> tuple[str, ...]: ...

    def work(self, context: TaskContext) -> Mapping[str, Any]: ...

    def keep(self, kept: KeepContext) -> Mapping[str, Any]: ...


def task_named(name: str) -> Task:
    """The module of a worker's task. Raises GimbalError for one that this Gimbal does not have."""
    return cast(Task, _module(name, NAMES))


def beside_named(name: str) -> BesideTask:
    """The module of a task that needs no device. Raises GimbalError for one that this Gimbal does not have."""
    return cast(BesideTask, _module(name, BESIDE))


def check(name: str, spec_json: str) -> None:
    """Whether a task of either kind may be queued. Raises InvalidRequest, GimbalError."""
    (beside_named(name) if name in BESIDE else task_named(name)).check(spec_json)


def _module(name: str, known: tuple[str, ...]) -> object:
    if name not in known:
        raise GimbalError(f"This Gimbal has no task {name[:40]!r}.", "A newer one may have queued it; update Gimbal.")
    return importlib.import_module(f"studio.jobs.tasks.{name}")


def folder_of(home: Home, job_id: str) -> Path:
    """Where a task keeps what it needs to go on after an interruption."""
    return home.tasks / job_id
