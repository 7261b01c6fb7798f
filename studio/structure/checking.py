"""What can be said of control clips and masks before anything is generated."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipelines.conditioning import convention
from pipelines.conditioning.convention import Convention
from pipelines.domain.conditioning import Conditioning, ControlClip, ControlKind, MaskClip, SourceClip
from pipelines.domain.errors import GimbalError, Problem
from pipelines.domain.request import GenerationRequest
from studio.media.fitting import resized
from studio.structure.timeline import Picture, frames_at, timeline

if TYPE_CHECKING:
    from projects_db.records import MediaRow
    from studio.library import Library

LOOKED_AT, WITHIN, SIDE = 9, 120, 256
"""So many frames, of the first so many, of at most so many pixels a side: enough to judge a clip by."""
_SAME_SHAPE = 0.02


def sample(path: Path) -> Picture:
    """A few small frames (N, H, W, 3) of a picture or clip. Raises MediaError."""
    line = timeline(path)
    info, last = line.info, min(len(line.times), WITHIN) - 1
    scale = min(1.0, SIDE / max(info.width, info.height))
    size = (max(8, round(info.width * scale)), max(8, round(info.height * scale)))
    wanted = np.unique(np.linspace(0, last, LOOKED_AT).astype(int)).tolist()
    return np.stack([resized(picture, *size) for _, picture in frames_at(path, line, wanted)])


def check(path: Path, control: ControlKind) -> Convention:
    """Whether a control clip follows the convention of its kind, and what would mend it. Raises MediaError."""
    return convention.check(sample(path), control)


def looks_like_control(path: Path, control: ControlKind) -> bool:
    """Whether a file is such a control clip already rather than a source to read it off. Raises MediaError."""
    return convention.looks_like(sample(path), control)


def problems(library: Library, request: GenerationRequest) -> tuple[Problem, ...]:
    """Everything about a request's clips that would spoil the result; media that are gone are not among it."""
    known = {part.media: row for part in request.conditioning if (row := library.repository.media(part.media))}
    return tuple(_found(library, request, known))


def _found(library: Library, request: GenerationRequest, known: dict[str, MediaRow]) -> Iterator[Problem]:
    for part in request.conditioning:
        row = known.get(part.media)
        if row is None or not isinstance(part, ControlClip | MaskClip):
            continue
        try:
            path = library.media_path(part.media)
            short = _too_short(part, row, request, known)
            yield from (short,) if short else _about_control(part, path) if isinstance(part, ControlClip) else ()
            if isinstance(part, MaskClip):
                yield from _about_mask(path, row, request, known)
        except GimbalError as error:
            yield Problem(field=part.kind, message=error.message, hint=error.hint)


def _too_short(
    part: Conditioning, row: MediaRow, request: GenerationRequest, known: dict[str, MediaRow]
) -> Problem | None:
    """A clip must last as long as what is made; of a mask one picture is enough, and the source's length."""
    have = row.num_frames or 1
    if row.fps:
        have = max(1, int(have * request.fps / row.fps + 0.5))
    if isinstance(part, MaskClip) and (have == 1 or have >= _source_length(request, known)):
        return None
    if have >= request.num_frames:
        return None
    what = part.kind.replace("_", " ")
    message = f"The {what} has {have} frames at {request.fps:g} a second, but {request.num_frames} are needed."
    return Problem(field=part.kind, message=message, hint="Use a longer one or make the clip shorter.")


def _source_length(request: GenerationRequest, known: dict[str, MediaRow]) -> int:
    rows = [known[part.media] for part in request.conditioning if isinstance(part, SourceClip) and part.media in known]
    return min((row.num_frames or 1 for row in rows), default=request.num_frames)


def _about_control(part: ControlClip, path: Path) -> Iterator[Problem]:
    found = check(path, part.control)
    if found.verdict == "wrong":
        message = f"The {part.control} clip cannot be followed. {found.message}"
        yield Problem(field=part.kind, message=message, hint="Extract it from the source again, or choose another.")


def _about_mask(path: Path, row: MediaRow, request: GenerationRequest, known: dict[str, MediaRow]) -> Iterator[Problem]:
    if not (sample(path) > 127).any():
        message = "The mask is empty: nothing would be made anew."
        yield Problem(field=MaskClip.kind, message=message, hint="Paint what shall change.")
    for part in request.conditioning:
        source = known.get(part.media) if isinstance(part, SourceClip) else None
        if source is not None and abs(row.width / row.height * source.height / source.width - 1.0) > _SAME_SHAPE:
            sizes = f"{row.width} × {row.height}, the source {source.width} × {source.height}"
            message = f"The mask has another shape than the source: it is {sizes}."
            yield Problem(field=MaskClip.kind, message=message, hint="Paint it over a frame of the source.")
