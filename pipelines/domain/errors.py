"""Every error a person can meet, each with a message and a hint for the next step.

GimbalError
├── InvalidRequest       the request does not fit the model; carries every problem at once
├── UnknownModel         no card of that name
├── BrokenCheckpoint     a checkpoint folder misses a file, or a file is damaged or not allowed
├── DownloadError        a model cannot be fetched, or what came is not what was promised
├── MediaError           a picture or clip cannot be read, or must not be
├── OutOfMemory          every rung of the memory ladder was tried
├── DeviceLost           the device does not answer any more
├── Stopped              the person stopped the job (not a failure)
├── WorkerDied           the worker process ended without an answer
├── StorageError         the data folder or an output file cannot be written
│   └── NoSpace          ... because the disk is full
└── DatabaseError        the project history cannot be opened
    └── NewerDatabase    ... because a newer Gimbal wrote it
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One thing that is wrong with a request: the field it belongs to, what is wrong, what to do."""

    field: str
    message: str
    hint: str = ""


class GimbalError(Exception):
    """An error told to a person: `message` says what happened, `hint` what to do next."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.message, self.hint)


class InvalidRequest(GimbalError):
    """A request that does not fit its model; `problems` holds all of them, not only the first."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__(" ".join(p.message for p in problems), " ".join(p.hint for p in problems if p.hint))
        self.problems = problems

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.problems,)


class UnknownModel(GimbalError):
    """No card carries the asked name."""


class BrokenCheckpoint(GimbalError):
    """A checkpoint folder is incomplete, damaged or of a kind that is not loaded."""


class DownloadError(GimbalError):
    """A model cannot be fetched, or what came is not what was promised."""


class MediaError(GimbalError):
    """A picture or clip cannot be read, or is refused."""


class OutOfMemory(GimbalError):
    """The device has too little memory, even after every rung of the ladder."""


class DeviceLost(GimbalError):
    """The device does not answer any more: unplugged, reset, or its driver failed."""


class Stopped(GimbalError):
    """The person stopped the job; raised from the step callback to leave the pipeline at once."""


class WorkerDied(GimbalError):
    """The worker process ended without an answer."""


class StorageError(GimbalError):
    """The data folder or an output file cannot be written."""


class NoSpace(StorageError):
    """The disk is full."""


class DatabaseError(GimbalError):
    """The project history cannot be opened."""


class NewerDatabase(DatabaseError):
    """The project history was written by a newer Gimbal."""
