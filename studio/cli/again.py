"""Make the clip of a file once more, from the request inside it alone, and compare the frames."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.cli.console import Console

if TYPE_CHECKING:
    from projects_db.records import ClipRow
    from studio.media.record import ClipRecord
    from studio.studio import Studio

HELP = "make a clip again from its file, and compare"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="a clip, or any file Gimbal exported")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="where a copy of the new clip goes")


def run(options: argparse.Namespace, console: Console) -> int:
    from studio.cli import making
    from studio.media.tags import read_record
    from studio.settings import Settings
    from studio.studio import Studio

    record = read_record(options.file)
    if options.output:
        making.check_target(options.output)
    with Studio(Settings.read()) as studio:
        _bring_media(record, studio)
        clip = making.make(studio, record.request, console)
        path = studio.library.clip_path(clip)
        if options.output:
            making.hand_over(path, options.output)
            path = options.output
    is_identical = clip.frames_sha256 == record.frames_sha256
    reasons = [] if is_identical else _differences(record, clip)
    console.say(f"{path}  {'identical frames' if is_identical else 'the frames differ'}")
    for reason in reasons:
        console.say(f"  {reason}")
    told = making.told(clip, path)
    console.result(ok=is_identical, **told, identical=is_identical, expected=record.frames_sha256, reasons=reasons)
    return 0 if is_identical else 1


def _bring_media(record: ClipRecord, studio: Studio) -> None:
    """Store the pictures that travel inside the file. Raises MediaError where one is needed and nowhere to be had."""
    from pipelines.domain.errors import MediaError
    from projects_db.records import NotFound

    for digest in record.request.media:
        if digest in record.media:
            studio.library.add_media(record.media[digest], digest[:16])
            continue
        try:
            studio.repository.media(digest)
        except NotFound:
            message = f"The request needs a picture ({digest[:16]}…) that is neither in the file nor in this library."
            raise MediaError(message, "Use the library where the clip was made.") from None


def _differences(record: ClipRecord, clip: ClipRow) -> list[str]:
    """What was not the same this time, as far as both told it."""
    now: dict[str, Any] = json.loads(clip.facts_json or "{}")
    told = [("device", record.facts.get("device"), now.get("device"))]
    versions = now.get("libraries")
    if isinstance(versions, dict):
        told += [(name, old, versions.get(name)) for name, old in record.libraries.items()]
    return [f"{name}: then {old}, now {new}" for name, old, new in told if old and new and old != new]
