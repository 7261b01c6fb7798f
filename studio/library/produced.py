"""What a worker hands to the library."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol


class Finished(Protocol):
    """A finished clip in temporary files: whatever message carries it."""

    @property
    def clip_id(self) -> str: ...
    @property
    def path(self) -> Path: ...
    @property
    def poster(self) -> Path: ...
    @property
    def frames_sha256(self) -> str: ...
    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...
    @property
    def num_frames(self) -> int: ...
    @property
    def fps(self) -> float: ...
    @property
    def facts(self) -> Mapping[str, Any]: ...


@dataclass(frozen=True, kw_only=True)
class Produced:
    """A finished clip in temporary files. clip_id is the job's id: a job makes one clip, and its file says whose it is.

    path: a clip with its record inside. poster: a WebP picture. facts: what the run measured.
    """

    clip_id: str
    path: Path
    poster: Path
    frames_sha256: str
    width: int
    height: int
    num_frames: int
    fps: float
    facts: Mapping[str, Any] = field(default_factory=dict)
