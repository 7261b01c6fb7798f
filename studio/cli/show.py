"""Show the request that made a clip, read from the file itself."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

from studio.cli.console import Console

if TYPE_CHECKING:
    from studio.media.record import ClipRecord

HELP = "show the request inside a clip or an export"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="a clip, or any file Gimbal exported")


def run(options: argparse.Namespace, console: Console) -> int:
    from studio.media.tags import read_record

    record = read_record(options.file)
    request = json.loads(record.request.to_json())
    for name, value in _lines(record):
        console.say(f"{name:<14}  {value}")
    console.result(
        path=str(options.file),
        request=request,
        clip=record.clip_id,
        frames_sha256=record.frames_sha256,
        created_at=record.created_at,
        is_master=record.is_master,
        applied=dict(record.applied),
        model_title=record.model_title,
        gimbal_version=record.gimbal_version,
        libraries=dict(record.libraries),
        facts=dict(record.facts),
        media={digest: len(data) for digest, data in record.media.items()},
    )
    return 0


def _lines(record: ClipRecord) -> list[tuple[str, object]]:
    request = record.request
    lines: list[tuple[str, object]] = [
        ("prompt", request.prompt),
        ("negative", request.negative_prompt),
        ("model", f"{request.model} ({record.model_title})" if record.model_title else request.model),
        ("seed", request.seed),
        ("size", f"{request.width}x{request.height}, {request.num_frames} frames at {request.fps:g} fps"),
        ("steps", f"{request.steps}, guidance {request.guidance:g}"),
        ("made", _when(record.created_at)),
        ("with", ", ".join(f"{name} {version}" for name, version in record.libraries.items())),
        ("frames SHA-256", record.frames_sha256),
        ("export", ", ".join(f"{name} {value}" for name, value in record.applied.items() if name != "earlier")),
    ]
    lines[6:6] = [(part.kind.replace("_", " "), f"{part.media[:16]}…") for part in request.conditioning]
    return [(name, value) for name, value in lines if value != ""]


def _when(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(seconds)) if seconds > 0 else ""
