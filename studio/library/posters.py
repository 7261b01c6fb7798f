"""Posters: made by the worker, made again where one is gone."""

from __future__ import annotations

from pathlib import Path

from pipelines.domain.errors import GimbalError
from studio.media import read_frames
from studio.media.master import write_poster


def make_poster(clip: Path, poster: Path) -> bool:
    """Write the poster of a clip file; False where the clip cannot be read or the poster not be written."""
    try:
        poster.parent.mkdir(parents=True, exist_ok=True)
        write_poster(poster, read_frames(clip, max_frames=1))
    except (GimbalError, OSError):
        return False
    return True
