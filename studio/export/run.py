"""Export one clip: read, plan, write beside the target, rename."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pipelines.domain.errors import MediaError, StorageError
from studio.export.formats import choose
from studio.export.options import ExportOptions, check
from studio.export.pictures import ExportFormat, Pictures
from studio.export.schedule import plan
from studio.media.atomic import replacing, write_bytes
from studio.media.clips import read_frames
from studio.media.encode import frame_rate
from studio.media.info import probe
from studio.media.record import ClipRecord, Fact
from studio.media.sound import keep_sound
from studio.media.tags import read_record, sidecar

OnProgress = Callable[[float], None]


@dataclass(frozen=True, kw_only=True)
class ExportReport:
    """What was written: pixels and frames as they stand in the file, the rate, its bytes.

    sidecar: the full record beside the file, where its format has no room for the media the request names.
    carries_request: whether the file tells how it was made (not where the source does not tell).
    """

    path: Path
    sidecar: Path | None
    format: str
    num_frames: int
    width: int
    height: int
    fps: float
    bytes: int
    carries_request: bool


def export(source: Path, target: Path, options: ExportOptions, on_progress: OnProgress | None = None) -> ExportReport:
    """Write `source` to `target` in another format; a target that exists is replaced at the end, in one step.

    on_progress gets 0..1 and may raise to stop, which leaves no file. Raises InvalidRequest (every problem of the
    options), MediaError (source unreadable), NoSpace or StorageError (target not writable).
    """
    chosen = choose(options.format, target)
    _keep_source(source, target)
    info = probe(source)
    frames = read_frames(source)
    check(options, info, len(frames), chosen)
    width, height = options.size(info.width, info.height)
    rate = frame_rate(info.fps if options.fps is None else options.fps)
    indices = plan(len(frames), info.fps, options)
    pictures = Pictures(frames=frames, indices=indices, width=width, height=height, rate=rate)
    record = _record(source, options, pictures, chosen)

    def tell(share: float) -> None:
        if on_progress is not None:
            on_progress(share)

    carried, beside = _split(record, chosen)
    with replacing(target) as part:
        chosen.write(part, pictures, carried, lambda count: tell(min(0.99, count / len(pictures))))
        if chosen.suffix == ".mp4" and pictures.is_whole and float(rate) == float(frame_rate(info.fps)):
            keep_sound(source, part.replace(part.with_name(f"{part.name}.silent")), part)
    if beside is not None:
        write_bytes(sidecar(target), beside.encode("ascii"))
    tell(1.0)
    return ExportReport(
        path=target,
        sidecar=None if beside is None else sidecar(target),
        format=chosen.id,
        num_frames=len(pictures),
        width=_written(width, chosen),
        height=_written(height, chosen),
        fps=float(rate),
        bytes=target.stat().st_size,
        carries_request=record is not None,
    )


def _written(side: int, chosen: ExportFormat) -> int:
    """A side as the format writes it."""
    return side + side % 2 if chosen.even_sides else side


def _keep_source(source: Path, target: Path) -> None:
    if target.exists() and source.exists() and source.samefile(target):
        raise StorageError("The export would replace its own source.", "Choose another file name.")


def _record(source: Path, options: ExportOptions, pictures: Pictures, chosen: ExportFormat) -> ClipRecord | None:
    """The source's record with what was done to it, or None where the source carries none."""
    try:
        record = read_record(source)
    except MediaError:
        return None
    applied: dict[str, Fact] = {
        "format": chosen.id,
        "start": options.start,
        "end": len(pictures.frames) if options.end is None else options.end,
        "loop": options.loop,
        "repeats": 1 if options.loop == "none" else options.repeats,
        "size": f"{pictures.width}x{pictures.height}",
        "fps": float(pictures.rate),
    }
    return dataclasses.replace(record, applied=applied | _earlier(record))


def _split(record: ClipRecord | None, chosen: ExportFormat) -> tuple[str | None, str | None]:
    """The record that goes into the file, and the one that goes beside it where the first had to be shortened."""
    if record is None:
        return None, None
    text = record.to_json()
    if chosen.max_record_bytes is None or len(text) <= chosen.max_record_bytes or not record.media:
        return text, None
    return dataclasses.replace(record, media={}).to_json(), text


def _earlier(record: ClipRecord) -> dict[str, Fact]:
    """What an export of an export goes back to, as far as it is short."""
    text = json.dumps(dict(record.applied), sort_keys=True)
    return {"earlier": text} if record.applied and len(text) <= 2000 else {}
