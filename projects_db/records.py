"""The rows of the project history as frozen values.

Ids are 16 hex digits, times are seconds since the epoch in UTC, paths are relative to the data folder with `/`.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Literal

from pipelines.domain.camera.path import CameraPath
from pipelines.domain.camera.text import from_json
from pipelines.domain.errors import DatabaseError, GimbalError

JobState = Literal["queued", "running", "finished", "failed", "stopped"]
MediaKind = Literal["image", "clip"]


class NotFound(GimbalError):
    """A project, job, clip or picture that the history does not hold."""


class DamagedDatabase(DatabaseError):
    """The file is no sound SQLite database any more; `damaged` lets a caller ask without knowing this class."""

    damaged = True


def new_id() -> str:
    """A fresh id for a project, a job or a group of takes."""
    return secrets.token_hex(8)


def storable(text: str) -> str:
    """Text without the halves of characters that UTF-8, and so SQLite, cannot hold."""
    return text.encode("utf-8", "replace").decode("utf-8")


@dataclass(frozen=True, kw_only=True, slots=True)
class ProjectRow:
    """A project; `clips` counts those that are not deleted."""

    id: str
    name: str
    created_at: float
    clips: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class JobRow:
    """One clip to make, from the moment it is asked for until long after; or another task of the queue.

    task: "clip", or what else is done (a module of `studio.jobs.tasks`); then request_json is that task's own, and
    prompt its title. position: order key of the queue, smaller is sooner. take_group: shared by the takes of one click.
    attempts: how often a worker has leased it. facts_json: what the run measured, once finished.
    """

    id: str
    project_id: str
    state: JobState
    request_json: str
    model: str
    prompt: str
    position: float
    take_group: str
    attempts: int = 0
    created_at: float
    started_at: float | None = None
    ended_at: float | None = None
    stage: str | None = None
    step: int = 0
    steps: int = 0
    eta_seconds: float | None = None
    error_message: str | None = None
    error_hint: str | None = None
    clip_id: str | None = None
    worker_pid: int | None = None
    heartbeat_at: float | None = None
    facts_json: str | None = None
    task: str = "clip"


@dataclass(frozen=True, kw_only=True, slots=True)
class ClipRow:
    """A clip of the library.

    rating: 0 (none) to 5. deleted_at: set while it waits in the trash. missing_since: set while its file is not there.
    """

    id: str
    project_id: str
    job_id: str | None = None
    path: str
    poster: str
    request_json: str
    model: str
    prompt: str
    seed: int
    width: int
    height: int
    num_frames: int
    fps: float
    size_bytes: int
    file_sha256: str
    frames_sha256: str
    rating: int = 0
    created_at: float
    deleted_at: float | None = None
    missing_since: float | None = None
    parent_clip_id: str | None = None
    facts_json: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ClipFile:
    """Where the files of a clip belong, for the comparison of rows with files."""

    id: str
    path: str
    poster: str
    deleted_at: float | None
    missing_since: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class MediaRow:
    """A picture or clip that requests refer to by the SHA-256 of its bytes. num_frames is None where not known."""

    sha256: str
    path: str
    kind: MediaKind
    width: int
    height: int
    num_frames: int | None
    fps: float | None
    size_bytes: int
    original_name: str
    created_at: float


@dataclass(frozen=True, kw_only=True, slots=True)
class CameraPathRow:
    """One version of a camera path that was saved under a name; versions count from 1 and never change.

    path_json: as `pipelines.domain.camera.text` writes it. deleted_at: set while it waits in the trash.
    """

    id: str
    project_id: str
    name: str
    version: int
    path_json: str
    created_at: float
    deleted_at: float | None = None

    @property
    def path(self) -> CameraPath:
        """The path itself. Raises InvalidRequest where a newer Gimbal wrote it."""
        return from_json(self.path_json)


@dataclass(frozen=True, kw_only=True, slots=True)
class SubjectRow:
    """A person's subject. strength: what a prompt gets where it names none. deleted_at: set while in the trash."""

    id: str
    token: str
    name: str
    class_word: str
    strength: float
    created_at: float
    deleted_at: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class SubjectVersionRow:
    """One training of a subject; numbers count from 1.

    model: the card it was trained on; base: the fingerprint of its weights. digest: the chosen checkpoint's files,
    None until there are some. spec_json: everything that was asked for. report_json: what the training told.
    """

    id: str
    subject_id: str
    number: int
    model: str
    base: str
    method: str
    digest: str | None
    job_id: str | None
    spec_json: str
    report_json: str
    created_at: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """Some clips, newest first; `cursor` asks for the next page, None on the last."""

    clips: tuple[ClipRow, ...]
    cursor: str | None
