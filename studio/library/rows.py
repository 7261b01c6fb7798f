"""From a file that carries its record to a row: the one way, for new, found and rebuilt clips alike."""

from __future__ import annotations

import json
import math
import re
import time
from dataclasses import dataclass
from pathlib import Path

from pipelines.domain.errors import MediaError
from projects_db.records import ClipRow, new_id, storable
from studio.library.files import sha256_of
from studio.media import probe
from studio.media.tags import ClipRecord, read_record

_ID = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, kw_only=True)
class Described:
    """A clip file and what it tells about itself. Sizes in pixels, as shown."""

    file: Path
    record: ClipRecord
    width: int
    height: int
    num_frames: int
    fps: float


def describe(file: Path) -> Described:
    """Read a clip's record and look at its pictures. Raises MediaError where it is none of ours, or damaged."""
    record, info = read_record(file), probe(file)
    if info.kind != "clip" or not info.num_frames:
        raise MediaError(f"{file.name} is a picture, not a clip.", "Add it as a start picture instead.")
    return Described(
        file=file, record=record, width=info.width, height=info.height, num_frames=info.num_frames, fps=info.fps
    )


def clip_id_of(record: ClipRecord) -> str:
    """The clip's own id, or a fresh one where the record has none that could be a file's name."""
    return record.clip_id if _ID.fullmatch(record.clip_id) else new_id()


def row_of(described: Described, clip_id: str, project_id: str, job_id: str | None) -> ClipRow:
    """The row of a clip file, which is still where it was found."""
    record, request, file = described.record, described.record.request, described.file
    created_at = _plausible(record.created_at, file)
    return ClipRow(
        id=clip_id,
        project_id=project_id,
        job_id=job_id,
        path=clip_place(clip_id, created_at, file.suffix),
        poster=f"posters/{clip_id}.webp",
        request_json=request.to_json(),
        model=storable(request.model),
        prompt=storable(request.prompt),
        seed=request.seed,
        width=described.width,
        height=described.height,
        num_frames=described.num_frames,
        fps=described.fps,
        size_bytes=file.stat().st_size,
        file_sha256=sha256_of(file),
        frames_sha256=record.frames_sha256,
        created_at=created_at,
        facts_json=json.dumps(dict(record.facts)),
    )


def clip_place(clip_id: str, created_at: float, suffix: str) -> str:
    """Where a clip's file belongs, relative to the data folder: one folder a month."""
    return f"clips/{time.strftime('%Y-%m', time.gmtime(created_at))}/{clip_id}{suffix.lower()}"


def _plausible(created_at: float, file: Path) -> float:
    """A record may tell any time; what lies before 1990 or after tomorrow becomes the file's own."""
    if math.isfinite(created_at) and 631_152_000 < created_at < time.time() + 86_400:
        return created_at
    return min(file.stat().st_mtime, time.time())
