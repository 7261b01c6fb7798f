"""Write a clip as another file: the whole or a range, looped, scaled, at another rate."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from studio.cli.console import Console

HELP = "write a clip as mp4, webm, gif, webp, mov or zip"
CODECS = ("h264", "h265", "vp9", "av1", "prores")


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("clip", metavar="CLIP", help="a file, or the id of a clip in the library")
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="FILE", help="its ending chooses the format"
    )
    parser.add_argument(
        "--codec", choices=CODECS, help="where an ending has more than one (mp4: h264, h265; webm: vp9, av1)"
    )
    parser.add_argument("--start", type=int, default=0, metavar="N", help="the first frame, counted from 0")
    parser.add_argument("--end", type=int, metavar="N", help="the frame after the last one")
    parser.add_argument("--loop", choices=("none", "loop", "boomerang"), default="none")
    parser.add_argument("--repeats", type=int, default=1, metavar="N", help="how often it plays with --loop")
    parser.add_argument("--scale", metavar="S", help="0.5, 50%% or 640x360")
    parser.add_argument("--fps", type=float, metavar="N", help="frames per second; the duration stays")


def run(options: argparse.Namespace, console: Console) -> int:
    from studio.export import ExportOptions, export, parse_scale

    chosen = ExportOptions(
        format=_format(options.codec, options.output),
        start=options.start,
        end=options.end,
        loop=options.loop,
        repeats=options.repeats,
        scale=None if options.scale is None else parse_scale(options.scale),
        fps=options.fps,
    )
    report = export(
        _source(options.clip), options.output, chosen, lambda part: console.progress(f"writing  {part:.0%}")
    )
    console.say(
        f"{report.path}  {report.width}x{report.height}, {report.num_frames} frames at {report.fps:g} fps, "
        f"{report.bytes / 1e6:.2f} MB"
    )
    if not report.carries_request:
        console.note("The source carries no request, so the export carries none either.")
    console.result(
        path=str(report.path),
        format=report.format,
        num_frames=report.num_frames,
        width=report.width,
        height=report.height,
        fps=report.fps,
        bytes=report.bytes,
        carries_request=report.carries_request,
    )
    return 0


def _source(clip: str) -> Path:
    """The file that CLIP names. Raises GimbalError where it is neither a file nor a clip of the library."""
    from pipelines.domain.errors import MediaError
    from studio.settings import Settings
    from studio.studio import Studio

    if Path(clip).is_file():
        return Path(clip)
    if not re.fullmatch(r"[0-9a-f]{16}", clip):
        raise MediaError(f"There is no file {clip}.", "Name a file, or the id of a clip in the library.")
    studio = Studio(Settings.read(), worker=False)
    try:
        return studio.library.clip_path(studio.repository.clip(clip))
    finally:
        studio.close()


def _format(codec: str | None, target: Path) -> str | None:
    """The format of an ending and a codec. Raises InvalidRequest where they do not go together."""
    from studio.cli.making import wrong

    if codec is None:
        return None
    ids = {
        (".mp4", "h264"): "mp4",
        (".mp4", "h265"): "mp4-h265",
        (".webm", "vp9"): "webm",
        (".webm", "av1"): "webm-av1",
    }
    ids[".mov", "prores"] = "mov"
    if found := ids.get((target.suffix.lower(), codec)):
        return found
    fitting = [suffix for suffix, known in ids if known == codec]
    raise wrong("codec", f"{codec} does not go into {target.suffix or 'a file without ending'}.", f"Use {fitting[0]}.")
