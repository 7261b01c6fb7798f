"""What the worker tells the head while it is at a job, sparingly, and how it leaves a job that was stopped."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

from pipelines.domain.errors import Stopped
from pipelines.families.family import Progress
from studio.jobs.crashpoint import reach
from studio.jobs.events import JobStage, Message, Progressed, Run
from studio.jobs.pace import Pace
from studio.jobs.preview import encode

_PROGRESS_SECONDS = 0.1
_PREVIEW_SECONDS = 0.2

Send = Callable[[Message], None]


class Reporter:
    """What a model calls as it goes: tells the head, sparingly, and leaves by `Stopped` when the person said so."""

    def __init__(self, run: Run, send: Send, stopped: Callable[[], bool]) -> None:
        self._run = run
        self._send = send
        self._stopped = stopped
        self._pace = Pace(time.monotonic(), 0.0 if run.expected is None else run.expected.seconds)
        self._last = ("", 0, 0.0)  # stage, steps, when
        self._pictured = 0.0

    def __call__(self, progress: Progress) -> None:
        self.check()
        now = time.monotonic()
        stage, steps, when = self._last
        ends = progress.step == progress.steps
        if (progress.stage, progress.steps) == (stage, steps) and not ends and now - when < _PROGRESS_SECONDS:
            return
        self._last = (progress.stage, progress.steps, now)
        self._tell(progress.stage, progress, now)
        reach(f"worker.{progress.stage}")

    def stage(self, stage: JobStage) -> None:
        """Begin a stage that no model reports."""
        self.check()
        self._tell(stage, Progress(stage="decoding"), time.monotonic())

    def check(self) -> None:
        """Raises Stopped when the person stopped the job."""
        if self._stopped():
            raise Stopped("The job was stopped.")

    def _tell(self, stage: JobStage, progress: Progress, now: float) -> None:
        self._send(
            Progressed(
                job_id=self._run.job_id,
                stage=stage,
                step=progress.step,
                steps=progress.steps,
                fraction=self._pace.fraction(stage, progress.fraction),
                eta_seconds=self._pace.eta_seconds(stage, progress.step, progress.steps, now),
                preview=self._picture(progress, now),
            )
        )

    def _picture(self, progress: Progress, now: float) -> bytes | None:
        if progress.preview is None or now - self._pictured < _PREVIEW_SECONDS:
            return None
        self._pictured = now
        return encode(progress.preview)


class TaskReporter:
    """What a task calls as it goes; see `studio.jobs.tasks.Report`."""

    def __init__(self, job_id: str, send: Send, stopped: Callable[[], bool]) -> None:
        self._job_id = job_id
        self._send = send
        self._stopped = stopped
        self._last = ("", 0.0)  # stage, when

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
        if self._stopped():
            raise Stopped("The job was stopped.")
        reach(f"worker.{stage}")
        now = time.monotonic()
        if stage == self._last[0] and preview is None and step != steps and now - self._last[1] < _PROGRESS_SECONDS:
            return
        self._last = (stage, now)
        self._send(
            Progressed(
                job_id=self._job_id,
                stage=stage,
                step=step,
                steps=steps,
                fraction=min(1.0, max(0.0, fraction)),
                eta_seconds=eta_seconds,
                preview=None if preview is None else encode(preview),
            )
        )
