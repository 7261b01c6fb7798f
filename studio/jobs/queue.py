"""The queue: what a person may do with jobs. Everything is in the database before a method returns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipelines.domain.conditioning import ControlClip, MaskClip
from pipelines.domain.errors import InvalidRequest, Problem
from pipelines.domain.request import MAX_SEED, GenerationRequest
from pipelines.models.catalog import Catalog
from pipelines.models.loras import LoraShelf
from projects_db.records import JobRow
from projects_db.repository import Repository
from studio.jobs import tasks
from studio.jobs.crashpoint import reach
from studio.jobs.dispatcher import Dispatcher
from studio.snapshot import Board
from studio.subjects.resolving import resolved

if TYPE_CHECKING:
    from studio.library import Library

MAX_TAKES = 100


@dataclass(frozen=True)
class Makers:
    """What clips are made with."""

    catalog: Catalog
    loras: LoraShelf

    def check_loras(self, request: GenerationRequest) -> None:
        """Raises InvalidRequest for a LoRA that is gone or was made for another base, UnknownModel."""
        if request.adapters:
            self.loras.resolve(request.adapters, self.catalog.card(request.model))


class Queue:
    """The waiting, running and ended jobs of a data folder. Thread-safe."""

    def __init__(
        self, repository: Repository, makers: Makers, library: Library, board: Board, dispatcher: Dispatcher | None
    ) -> None:
        self._repository = repository
        self._makers = makers
        self._library = library
        self._board = board
        self._dispatcher = dispatcher

    def submit(
        self, project_id: str, request: GenerationRequest, takes: int = 1, seeds: Sequence[int] | None = None
    ) -> list[JobRow]:
        """Queue one job for each take. Raises InvalidRequest with every problem, UnknownModel.

        The tokens of its prompt become the newest versions of their subjects, where it names none.
        The takes have the seeds given, or the request's own and those that follow it.
        """
        request = resolved(self._repository, self._makers.catalog, request)
        self._check(request)
        texts = [request.with_seed(seed).to_json() for seed in _seeds(request.seed, takes, seeds)]
        reach("queue.checked")
        rows = self._repository.add_jobs(project_id, texts)
        self._changed()
        return list(rows)

    def submit_task(self, project_id: str, task: str, spec_json: str, *, model: str, title: str) -> JobRow:
        """Queue what makes no clip (see `studio.jobs.tasks`). Raises InvalidRequest, GimbalError."""
        tasks.check(task, spec_json)
        row = self._repository.add_task(project_id, task, spec_json, model=model, title=title)
        self._changed()
        return row

    def cancel(self, job_id: str) -> None:
        """Take a waiting job out of the queue; its request is kept. One that runs goes on."""
        self._repository.cancel_job(job_id)
        self._changed()

    def stop(self, job_id: str) -> None:
        """End a job: at once while it waits, at its next step while it runs. One that has ended stays as it is."""
        if self._repository.cancel_job(job_id).state != "running":
            self._changed()
        elif self._dispatcher is not None and self._dispatcher.dispatching:
            self._dispatcher.stop(job_id)
        else:
            self._repository.stop_job(job_id)  # the process that dispatches sees it in the row
            self._changed()

    def retry(self, job_id: str) -> JobRow:
        """Put a failed or stopped job at the end of the queue again."""
        row = self._repository.retry_job(job_id)
        self._changed()
        return row

    def move(self, job_id: str, before: str | None) -> None:
        """Put a waiting job before another one, or with None at the end."""
        self._repository.move_job(job_id, before)
        self._changed()

    def pause(self) -> None:
        """Start no further job; the running one is finished."""
        self._repository.set_paused(True)
        self._changed()

    def resume(self) -> None:
        """Go on with the queue."""
        self._repository.set_paused(False)
        self._board.tell(None)
        self._changed()

    def _check(self, request: GenerationRequest) -> None:
        problems: list[Problem] = []
        for check in (self._makers.catalog.check, self._makers.check_loras):
            try:
                check(request)
            except InvalidRequest as error:
                problems.extend(error.problems)
        problems.extend(self._missing_media(request))
        problems.extend(self._unfit_structure(request))
        if problems:
            raise InvalidRequest(tuple(problems))

    def _unfit_structure(self, request: GenerationRequest) -> tuple[Problem, ...]:
        if not any(isinstance(part, ControlClip | MaskClip) for part in request.conditioning):
            return ()
        from studio.structure.checking import problems  # it reads files, and its package makes use of this one

        return problems(self._library, request)

    def _missing_media(self, request: GenerationRequest) -> list[Problem]:
        missing = []
        for part in request.conditioning:
            if self._repository.media(part.media) is None:
                what = part.kind.replace("_", " ")
                message = f"The {what} is not in the library any more."
                missing.append(Problem(field=part.kind, message=message, hint="Add the file again."))
        return missing

    def _changed(self) -> None:
        self._board.touch()
        if self._dispatcher is not None:
            self._dispatcher.wake()


def _seeds(first: int, takes: int, seeds: Sequence[int] | None) -> list[int]:
    wanted = list(seeds) if seeds is not None else [(first + i) % (MAX_SEED + 1) for i in range(min(takes, MAX_TAKES))]
    problems = []
    if not 1 <= (takes if seeds is None else len(wanted)) <= MAX_TAKES:
        message = f"The number of takes is from 1 to {MAX_TAKES}."
        problems.append(Problem(field="takes", message=message, hint="Start with one."))
    if any(not 0 <= seed <= MAX_SEED for seed in wanted) and seeds is not None:
        problems.append(Problem(field="seed", message=f"A seed is outside 0 to {MAX_SEED}.", hint="Roll one."))
    if problems:
        raise InvalidRequest(tuple(problems))
    return wanted
