"""Jobs: the durable queue. A lease, a finish, a move: each is one transaction, whoever else writes."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, and_, case, func, select, true, update

from pipelines.domain.errors import GimbalError
from pipelines.domain.request import GenerationRequest
from projects_db.clips import add_clip
from projects_db.projects import require_project
from projects_db.records import ClipRow, JobRow, JobState, new_id, storable
from projects_db.schema import columns_of, jobs, switches
from projects_db.store import Store, record, scalar

_COLUMNS = columns_of(jobs, JobRow)
_WAITING = case((jobs.c.state.in_(("queued", "running")), 0), else_=1)
_AT_REST: dict[str, Any] = {"stage": None, "eta_seconds": None, "worker_pid": None, "heartbeat_at": None}
_UNHURT: dict[str, Any] = {"error_message": None, "error_hint": None}
_CLOSEST = 1e-6
_PAUSED = "paused"


class Jobs(Store):
    """The part of the repository about jobs. Methods that change a job return it as it is afterwards.

    Where the job is no longer in a state that allows the change, nothing happens: two processes may decide at once.
    """

    def add_jobs(
        self, project_id: str, request_jsons: Sequence[str], take_group: str | None = None
    ) -> tuple[JobRow, ...]:
        """Queue requests at the end, all or none. Raises NotFound (project), InvalidRequest (unreadable)."""
        requests = [GenerationRequest.from_json(text) for text in request_jsons]
        now, group = time.time(), take_group or new_id()
        with self._connections.writing() as connection:
            require_project(connection, project_id)
            last = _last_position(connection)
            rows = tuple(
                JobRow(
                    id=new_id(),
                    project_id=project_id,
                    state="queued",
                    request_json=text,
                    model=storable(request.model),
                    prompt=storable(request.prompt),
                    position=last + number,
                    take_group=group,
                    created_at=now,
                )
                for number, (text, request) in enumerate(zip(request_jsons, requests, strict=True), start=1)
            )
            for row in rows:
                connection.execute(jobs.insert().values(_values(row)))
        return rows

    def add_task(self, project_id: str, task: str, spec_json: str, *, model: str, title: str) -> JobRow:
        """Queue a job that makes no clip at the end; `title` is what the queue shows. Raises NotFound (project)."""
        with self._connections.writing() as connection:
            require_project(connection, project_id)
            row = JobRow(
                id=new_id(),
                project_id=project_id,
                state="queued",
                request_json=spec_json,
                model=storable(model),
                prompt=storable(title),
                position=_last_position(connection) + 1,
                take_group=new_id(),
                created_at=time.time(),
                task=task,
            )
            connection.execute(jobs.insert().values(_values(row)))
        return row

    def finish_task(self, job_id: str, facts_json: str) -> JobRow:
        """Mark a job that makes no clip finished, with what it told. A second time changes nothing."""
        done = {"state": "finished", "ended_at": time.time(), "facts_json": facts_json}
        with self._connections.writing() as connection:
            unfinished = ("queued", "running", "failed", "stopped")
            return _change(connection, job_id, unfinished, done | _AT_REST | _UNHURT)

    def lease_next(
        self, worker_pid: int, *, only: Collection[str] = (), apart_from: Collection[str] = ()
    ) -> JobRow | None:
        """Take the first queued job as running, None where none waits or the queue is paused. Counts the attempt.

        only, apart_from: names of tasks; of the first alone (where there are any), none of the second.
        """
        meant = and_(jobs.c.task.in_(only) if only else true(), jobs.c.task.not_in(apart_from))
        queued = and_(jobs.c.state == "queued", meant)
        first = select(jobs.c.id).where(queued).order_by(jobs.c.position, jobs.c.number).limit(1)
        with self._connections.writing() as connection:
            job_id = None if _is_paused(connection) else scalar(connection, first)
            if job_id is None:
                return None
            now = time.time()
            leased = {"state": "running", "attempts": jobs.c.attempts + 1, "started_at": now, "worker_pid": worker_pid}
            fresh = {"heartbeat_at": now, "step": 0, "steps": 0, "stage": None, "eta_seconds": None}
            return _change(connection, job_id, ("queued",), leased | fresh | _UNHURT)

    def heartbeat(self, job_id: str, stage: str | None, step: int, steps: int, eta_seconds: float | None) -> bool:
        """Note a running job's progress. False where it is not running any more: leave it."""
        values = {"stage": stage, "step": step, "steps": steps, "eta_seconds": eta_seconds, "heartbeat_at": time.time()}
        with self._connections.writing() as connection:
            return _change(connection, job_id, ("running",), values).state == "running"

    def requeue(self, job_id: str, *, forgiven: bool = False) -> JobRow:
        """Put a running job back to its old place in the queue; `forgiven` takes back the counted attempt."""
        back = {"state": "queued", "attempts": jobs.c.attempts - (1 if forgiven else 0), "step": 0, "steps": 0}
        with self._connections.writing() as connection:
            return _change(connection, job_id, ("running",), back | _AT_REST)

    def finish_job(self, job_id: str, clip: ClipRow, facts_json: str | None = None) -> JobRow:
        """Store the clip of a job and mark the job finished, both or neither. A second time changes nothing."""
        done = {"state": "finished", "clip_id": clip.id, "ended_at": time.time(), "facts_json": facts_json}
        with self._connections.writing() as connection:
            job = _job(connection, job_id)
            if job.state == "finished":
                return job
            add_clip(connection, clip)
            unfinished = ("queued", "running", "failed", "stopped")
            return _change(connection, job_id, unfinished, done | _AT_REST | _UNHURT)

    def fail_job(self, job_id: str, message: str, hint: str = "") -> JobRow:
        """Mark a running or queued job failed, with what is told to the person."""
        failed = {"state": "failed", "error_message": message, "error_hint": hint, "ended_at": time.time()}
        return self._end(job_id, ("queued", "running"), failed)

    def stop_job(self, job_id: str) -> JobRow:
        """Mark a running or queued job stopped. Its request stays."""
        return self._end(job_id, ("queued", "running"), {"state": "stopped", "ended_at": time.time()})

    def cancel_job(self, job_id: str) -> JobRow:
        """Mark a job stopped if it is still queued; a running one goes on."""
        return self._end(job_id, ("queued",), {"state": "stopped", "ended_at": time.time()})

    def retry_job(self, job_id: str) -> JobRow:
        """Put a failed or stopped job at the end of the queue with its attempts forgotten."""
        with self._connections.writing() as connection:
            again = {"state": "queued", "position": _last_position(connection) + 1, "attempts": 0}
            cleared = {"started_at": None, "ended_at": None, "step": 0, "steps": 0}
            return _change(connection, job_id, ("failed", "stopped"), again | cleared | _AT_REST | _UNHURT)

    def move_job(self, job_id: str, before: str | None) -> JobRow:
        """Move a queued job right before another queued one, or to the end (`before` None)."""
        with self._connections.writing() as connection:
            if before == job_id:
                return _job(connection, job_id)
            place = _last_position(connection) + 1 if before is None else _place_before(connection, job_id, before)
            return _change(connection, job_id, ("queued",), {"position": place})

    def job(self, job_id: str) -> JobRow:
        """One job. Raises NotFound."""
        with self._connections.reading() as connection:
            return _job(connection, job_id)

    def running_jobs(self) -> tuple[JobRow, ...]:
        """The jobs that are leased."""
        running: tuple[JobState, ...] = ("running",)
        return self.list_jobs(running)

    def list_jobs(self, states: Collection[JobState] = (), limit: int = 100) -> tuple[JobRow, ...]:
        """Jobs of some states (all where empty): first those to come, in queue order, then the ended, newest first."""
        query = select(*_COLUMNS).order_by(
            _WAITING, case((_WAITING == 0, jobs.c.position)), jobs.c.ended_at.desc(), jobs.c.number
        )
        if states:
            query = query.where(jobs.c.state.in_(sorted(states)))
        with self._connections.reading() as connection:
            return _records(connection, query.limit(limit))

    def count_jobs(self) -> dict[JobState, int]:
        """How many jobs are in each state."""
        query = select(jobs.c.state, func.count()).group_by(jobs.c.state)
        with self._connections.reading() as connection:
            rows = connection.execute(query).all()
        return {state: count for state, count in rows}  # noqa: C416 - dict() of rows has no types

    def past_runs(self, model: str, limit: int = 50) -> tuple[JobRow, ...]:
        """The newest finished clips of a model that have measurements in `facts_json`."""
        of_model = and_(jobs.c.model == model, jobs.c.task == "clip")
        finished = and_(of_model, jobs.c.state == "finished", jobs.c.facts_json.is_not(None))
        query = select(*_COLUMNS).where(finished).order_by(jobs.c.ended_at.desc()).limit(limit)
        with self._connections.reading() as connection:
            return _records(connection, query)

    def get_paused(self) -> bool:
        """Whether the queue rests: a paused queue leases nothing, what runs goes on."""
        with self._connections.reading() as connection:
            return _is_paused(connection)

    def set_paused(self, paused: bool) -> None:
        """Let the queue rest or go on."""
        with self._connections.writing() as connection:
            connection.execute(switches.delete().where(switches.c.name == _PAUSED))
            connection.execute(switches.insert().values(name=_PAUSED, value=int(paused)))

    def _end(self, job_id: str, states: tuple[str, ...], values: dict[str, Any]) -> JobRow:
        with self._connections.writing() as connection:
            return _change(connection, job_id, states, values | _AT_REST)


def _values(row: JobRow) -> dict[str, Any]:
    return {column.name: getattr(row, column.name) for column in _COLUMNS}


def _job(connection: Connection, job_id: str) -> JobRow:
    return record(JobRow, connection.execute(select(*_COLUMNS).where(jobs.c.id == job_id)).one_or_none(), "job")


def _records(connection: Connection, query: Any) -> tuple[JobRow, ...]:
    return tuple(record(JobRow, row, "job") for row in connection.execute(query).all())


def _change(connection: Connection, job_id: str, states: tuple[str, ...], values: dict[str, Any]) -> JobRow:
    """Change a job if it is in one of `states`, and read it back. Raises NotFound."""
    connection.execute(update(jobs).where(jobs.c.id == job_id, jobs.c.state.in_(states)).values(values))
    return _job(connection, job_id)


def _is_paused(connection: Connection) -> bool:
    return bool(scalar(connection, select(switches.c.value).where(switches.c.name == _PAUSED)))


def _last_position(connection: Connection) -> float:
    return float(scalar(connection, select(func.max(jobs.c.position)).where(_WAITING == 0)) or 0.0)


def _place_before(connection: Connection, job_id: str, before: str) -> float:
    """A position between the job `before` and the queued one ahead of it, leaving `job_id` itself aside."""
    query = select(jobs.c.id, jobs.c.position).where(jobs.c.state == "queued", jobs.c.id != job_id)
    places = connection.execute(query.order_by(jobs.c.position, jobs.c.number)).all()
    index = next((i for i, (other, _) in enumerate(places) if other == before), None)
    if index is None:
        raise GimbalError("The clip to move before no longer waits.", "Look at the queue again.")
    behind = float(places[index].position)
    ahead = float(places[index - 1].position) if index else behind - 2.0
    if behind - ahead > _CLOSEST:
        return (ahead + behind) / 2
    for number, (other, _) in enumerate(places, start=1):
        connection.execute(update(jobs).where(jobs.c.id == other).values(position=float(number)))
    return index + 0.5
