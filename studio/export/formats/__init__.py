"""The list of export formats. A new one is a file beside this one and a line in FORMATS."""

from __future__ import annotations

from pathlib import Path

from pipelines.domain.errors import InvalidRequest, Problem
from studio.export.formats import gif, mp4_h264, mp4_h265, png_zip, prores, webm_av1, webm_vp9, webp
from studio.export.pictures import ExportFormat

FORMATS: tuple[ExportFormat, ...] = (
    mp4_h264.FORMAT,
    mp4_h265.FORMAT,
    webm_vp9.FORMAT,
    webm_av1.FORMAT,
    gif.FORMAT,
    webp.FORMAT,
    prores.FORMAT,
    png_zip.FORMAT,
)


def format_by_id(format_id: str) -> ExportFormat:
    """The format of an id. Raises InvalidRequest with the list of all."""
    for known in FORMATS:
        if known.id == format_id:
            return known
    raise _refuse("format", f"There is no format {format_id[:40]!r}.", f"Choose one of {_ids()}.")


def format_for(target: Path) -> ExportFormat:
    """The first format with the target's ending. Raises InvalidRequest with the list of all."""
    for known in FORMATS:
        if known.suffix == target.suffix.lower():
            return known
    message = (
        f"The ending {target.suffix!r} belongs to no format." if target.suffix else f"{target.name} has no ending."
    )
    raise _refuse("target", message, f"Use {', '.join(dict.fromkeys(f.suffix for f in FORMATS))}.")


def choose(format_id: str | None, target: Path) -> ExportFormat:
    """The asked format, or the one of the target's ending; the two must agree. Raises InvalidRequest."""
    if format_id is None:
        return format_for(target)
    chosen = format_by_id(format_id)
    if target.suffix.lower() != chosen.suffix:
        message = f"{target.name} does not end in {chosen.suffix}, as {chosen.title} does."
        raise _refuse("target", message, f"Name it {target.stem}{chosen.suffix}.")
    return chosen


def _ids() -> str:
    return ", ".join(known.id for known in FORMATS)


def _refuse(field: str, message: str, hint: str) -> InvalidRequest:
    return InvalidRequest((Problem(field=field, message=message, hint=hint),))
