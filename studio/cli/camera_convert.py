"""Convert a camera path to another file format. Units and axes are converted; what the new file cannot hold is said."""

from __future__ import annotations

import argparse
from pathlib import Path

from studio.cli.camera_source import FORMATS, SOURCE, camera_from, clip_arguments
from studio.cli.console import Console

HELP = "convert a camera path to another file format"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", metavar="A", help=SOURCE)
    parser.add_argument("target", type=Path, metavar="B", help="the file to write; its name says the format")
    clip_arguments(parser)
    parser.add_argument("--to", metavar="FORMAT", help=f"format of B, where its name does not say it: {FORMATS}")
    parser.add_argument("--fps", type=_rate, default=8.0, metavar="N", help="frames per second of the clip (8)")
    parser.add_argument("--size", type=_size, default=(1024, 576), metavar="WxH", help="of its pictures (1024x576)")
    parser.add_argument("--simplify", action="store_true", help="few keys in place of one per pose")


def run(options: argparse.Namespace, console: Console) -> int:
    from pipelines.domain.camera.fit import path_from_track
    from pipelines.domain.camera.formats.disk import write_file

    read = camera_from(options.source, options.source_format, options.frames)
    source = read.path or read.track
    if options.simplify:
        source = path_from_track(read.track)
    lost = write_file(options.target, source, options.to, num_frames=options.frames, fps=options.fps, size=options.size)
    console.say(f"{options.source} ({read.form}) is now {options.target}")
    for note in (*read.notes, *lost):
        console.note(note)
    console.result(path=str(options.target), source=options.source, source_format=read.form,
                   assumed=list(read.notes), lost=list(lost))  # fmt: skip
    return 0


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not 0.1 <= rate <= 1000:
        raise argparse.ArgumentTypeError(f"{text[:20]!r} is no rate from 0.1 to 1000")
    return rate


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    if not (width.isdecimal() and height.isdecimal() and all(1 <= int(side) <= 16_384 for side in (width, height))):
        raise argparse.ArgumentTypeError(f"{text[:20]!r} is no size such as 1024x576")
    return int(width), int(height)
