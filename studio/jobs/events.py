"""What the head and its worker say to each other: two closed unions of small frozen messages.

The head is the process that owns the database and dispatches; the worker owns the device and the models.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pipelines.families.family import Stage
from pipelines.models.device import DeviceFacts
from pipelines.models.estimate import Estimate

JobStage = Stage | Literal["starting", "preparing", "training", "saving", "fetching", "checking"]


@dataclass(frozen=True, kw_only=True)
class Setup:
    """What a worker is told before anything else: where the models are and which device it owns.

    may_round: store weights in fewer bits where that is faster.
    """

    assets: Path
    home: Path
    device: str
    budget_bytes: int | None
    may_round: bool = False


@dataclass(frozen=True, kw_only=True)
class Run:
    """Make one clip. The worker writes the clip and its poster to the two given paths, and nothing else.

    media: content hash -> file. expected: the head's estimate, from which the first ETA comes; None where it has none.
    task: "clip", or what else is to be done: then request_json is that task's own, and no file is written there.
    """

    job_id: str
    attempt: int
    clip_id: str
    request_json: str
    media: Mapping[str, Path]
    clip: Path
    poster: Path
    expected: Estimate | None = None
    task: str = "clip"


@dataclass(frozen=True, kw_only=True)
class Stop:
    """Leave this job at the next step or between stages."""

    job_id: str


@dataclass(frozen=True, kw_only=True)
class Warm:
    """Bring this model into memory, so that the first clip is quick. No answer; a failure is only logged."""

    request_json: str


@dataclass(frozen=True, kw_only=True)
class Ahead:
    """A clip of this model comes next: read its weights while the present one is made. No answer."""

    model: str


@dataclass(frozen=True, kw_only=True)
class Quit:
    """End the worker."""


Command = Run | Stop | Warm | Ahead | Quit


@dataclass(frozen=True, kw_only=True)
class Ready:
    """The worker has its device and takes commands."""

    pid: int
    device: DeviceFacts


@dataclass(frozen=True, kw_only=True)
class Unable:
    """The worker cannot start at all, and ends itself."""

    message: str
    hint: str


@dataclass(frozen=True, kw_only=True)
class Heartbeat:
    """The worker is alive; sent every two seconds. free_bytes: of its device, None where not known."""

    free_bytes: int | None = None


@dataclass(frozen=True, kw_only=True)
class Progressed:
    """How far a job is. fraction: 0..1 of the whole job. preview: an animated WebP of the denoising, or None."""

    job_id: str
    stage: JobStage
    step: int
    steps: int
    fraction: float
    eta_seconds: float | None
    preview: bytes | None = None


@dataclass(frozen=True, kw_only=True)
class Produced:
    """A finished clip in temporary files, for the library to keep. facts: what the run took (RunFacts as JSON)."""

    job_id: str
    attempt: int
    clip_id: str
    path: Path
    poster: Path
    frames_sha256: str
    width: int
    height: int
    num_frames: int
    fps: float
    created_at: float
    facts: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Done:
    """A task that makes no clip is done. result: plain values for its `keep`."""

    job_id: str
    attempt: int
    result: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Halted:
    """The worker left a job because it was told to stop; its temporary files are gone."""

    job_id: str


@dataclass(frozen=True, kw_only=True)
class Errored:
    """A job failed. kind: the error's class name. spent: the worker ends itself, for its state is unknown."""

    job_id: str
    kind: str
    message: str
    hint: str
    spent: bool = False


@dataclass(frozen=True, kw_only=True)
class Gone:
    """The worker process ended; told by the executor, always last. reason: how, in plain words."""

    reason: str


Message = Ready | Unable | Heartbeat | Progressed | Produced | Done | Halted | Errored | Gone
