"""What the dispatcher and its threads work with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pipelines.domain.request import GenerationRequest
from pipelines.models.estimate import Estimate
from projects_db.records import ClipRow
from projects_db.repository import Repository
from studio.home import Home
from studio.jobs.executors import StartExecutor
from studio.library import Library
from studio.settings import Settings
from studio.snapshot import Board


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What a dispatcher works with. expect: what a request will take here.

    stored: told of each new clip. models_changed: told when a task has changed what models are here.
    """

    settings: Settings
    home: Home
    repository: Repository
    library: Library
    board: Board
    start_worker: StartExecutor
    expect: Callable[[GenerationRequest], Estimate]
    stored: Callable[[ClipRow], None]
    models_changed: Callable[[], None]
