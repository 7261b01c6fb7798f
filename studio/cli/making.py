"""From a request to a finished clip for the commands: submit, follow to the end, hand the file over."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.domain.errors import GimbalError, InvalidRequest, Problem, Stopped, StorageError
from pipelines.domain.request import GenerationRequest
from studio.cli.console import Console

if TYPE_CHECKING:
    from projects_db.records import ClipRow
    from studio.snapshot import JobView
    from studio.studio import Studio


def make(studio: Studio, request: GenerationRequest, console: Console) -> ClipRow:
    """Queue a request and wait for its clip, whichever process makes it. Ctrl-C stops the job.

    Raises what the queue refuses, what the job failed with, and Stopped.
    """
    project = studio.repository.list_projects()[0]
    job = studio.queue.submit(project.id, request)[0]

    def show(view: JobView) -> None:
        console.progress(progress_line(view))

    try:
        row = studio.wait(job.id, show)
    except KeyboardInterrupt:
        console.note("Stopping; press Ctrl-C again to leave at once.")
        studio.queue.stop(job.id)
        row = studio.wait(job.id, show)
    if row.state == "stopped":
        raise Stopped("The job was stopped.", f"launch.py jobs retry {row.id} makes it after all.")
    if row.state == "failed" or row.clip_id is None:
        raise GimbalError(row.error_message or "The job failed.", row.error_hint or "launch.py doctor may tell why.")
    return studio.repository.clip(row.clip_id)


def progress_line(view: JobView) -> str:
    """One job in one line: `denoising 12/20  63 %  about 4 s left`."""
    if view.state == "queued":
        return "waiting in the queue"
    step = f" {view.step}/{view.steps}" if view.steps else ""
    left = f"  about {view.eta_seconds:.0f} s left" if view.eta_seconds is not None else ""
    return f"{view.stage or 'starting'}{step}  {view.fraction:.0%}{left}"


def check_target(target: Path) -> None:
    """Refuse a file that cannot be written before any work is done. Raises InvalidRequest, StorageError."""
    from studio.export import format_for

    format_for(target)
    if target.is_dir():
        raise StorageError(f"{target} is a folder.", "Name a file.")
    folder = target.absolute().parent
    if not folder.is_dir():
        raise StorageError(f"There is no folder {folder}.", "Make it first, or choose another one.")
    if not os.access(folder, os.W_OK):
        raise StorageError(f"The folder {folder} cannot be written.", "Choose another one.")


def hand_over(clip: Path, target: Path) -> None:
    """Put a copy of a stored clip at `target`: as it is for .mp4, exported for another ending."""
    from studio.export import ExportOptions, export
    from studio.home import storage_error
    from studio.media.atomic import replacing

    if target.suffix.lower() != clip.suffix:
        export(clip, target, ExportOptions())
        return
    try:
        with replacing(target) as part:
            shutil.copyfile(clip, part)
    except OSError as error:
        raise storage_error(error, target) from error


def told(clip: ClipRow, path: Path) -> dict[str, Any]:
    """A clip as the JSON of `generate` and `again` tells it."""
    facts = json.loads(clip.facts_json or "{}")
    return {
        "path": str(path),
        "clip": clip.id,
        "model": clip.model,
        "seed": clip.seed,
        "frames_sha256": clip.frames_sha256,
        "seconds": facts.get("seconds"),
        "facts": facts,
        "request": json.loads(clip.request_json),
    }


def wrong(field: str, message: str, hint: str) -> InvalidRequest:
    """An argument that no model could take."""
    return InvalidRequest((Problem(field=field, message=message, hint=hint),))
