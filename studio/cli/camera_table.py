"""The table of `camera measure FOLDER`: every clip against the camera file of its name, for the screen and a page."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from pipelines.domain.errors import GimbalError
from studio.cli.camera_measure import Outcome, measured_clip, refused
from studio.cli.console import Console

CLIPS = (".mp4", ".mov", ".webm", ".avi", ".gif", ".webp")
HEADER = ("clip", "measured as", "lens", "rotation, mean", "worst", "position", "direction", "expects", "seconds")
Row = tuple[str, ...]


def table(options: argparse.Namespace, console: Console) -> int:
    """Measure a folder. A clip that cannot be measured or read is a row with its reason."""
    pairs = [(clip, clip.with_suffix(".txt")) for clip in sorted(options.clip.iterdir())]
    pairs = [(clip, file) for clip, file in pairs if clip.suffix.lower() in CLIPS and file.is_file()]
    if not pairs:
        message = f"{options.clip.name} holds no clip with a camera file beside it."
        raise refused(message, "They are NAME.mp4, NAME.txt.")
    rows, answers = _measured(pairs, options.focal, options.align, console)
    console.table(HEADER, rows)
    if options.output:
        parts = [("Lens as the camera file tells" if options.focal is None else f"Lens: {options.focal}", rows)]
        if options.focal is None:
            parts.append(("Lens unknown", _measured(pairs, "unknown", options.align, console)[0]))
        _write(options.output, parts)
    console.result(ok=all(answer.get("ok", True) for answer in answers), clips=answers)
    return 0


def _measured(
    pairs: list[tuple[Path, Path]], focal: str | None, align: str, console: Console
) -> tuple[list[Row], list[dict[str, Any]]]:
    rows, answers = [], []
    for clip, file in pairs:
        console.progress(f"measuring  {clip.name}")
        try:
            outcome = measured_clip(clip, file, focal, align)
        except GimbalError as error:
            rows.append((clip.stem, error.message, *[""] * 7))
            answers.append({"ok": False, "clip": str(clip), "could_not_be_measured": True, "reason": error.message})
            continue
        rows.append(_row(outcome))
        answers.append({"ok": not outcome.measured.problem, **outcome.as_dict()})
    return rows, answers


def _row(outcome: Outcome) -> Row:
    c, m, name, seconds = outcome.comparison, outcome.measured, outcome.clip.stem, f"{outcome.seconds:.1f}"
    if c is None:
        return name, f"could not be measured: {m.problem}", "", "", "", "", "", "", seconds
    way, direction = c.mean_translation_fraction, c.direction_to_end_degrees
    doubt = f"{m.doubt_degrees:.2f}°" + ("" if m.doubt_way is None else f", {m.doubt_way:.1%}")
    return (
        name,
        m.method + (" (unsure)" if m.doubt else ""),
        m.lens_source,
        f"{c.mean_rotation_degrees:.2f}°",
        f"{c.rotation_degrees.max():.2f}°",
        "" if way is None else f"{way:.1%}",
        "" if direction is None else f"{direction:.1f}°",
        doubt,
        seconds,
    )


def _write(page: Path, parts: list[tuple[str, list[Row]]]) -> None:
    """The tables as Markdown, with the machine that took them."""
    from studio.bench.report import machine
    from studio.home import write_atomically

    here = machine()
    versions = ", ".join(f"{name} {here['packages'][name]}" for name in ("numpy",))
    lines = [
        "# The camera of real clips",
        "",
        "Written by `python launch.py camera measure FOLDER -o PAGE.md`; measured by structure from motion "
        "(`pipelines/measure`), each clip against the camera file beside it, both paths beginning in the same pose.",
        "Rotation: degrees per frame, mean and worst frame. Position: mean distance as a share of the way, both ways "
        "made equally long. Direction: of the way from the first to the farthest frame. Expects: the errors that the "
        "measurement itself expects, which know nothing of a wrong lens.",
        "",
        f"Machine: {here['device']}, {here['cores']} cores, {here['memory_gib']} GiB, {here['system']}; "
        f"Python {here['python']}, {versions}; load before {here['load_before']}. Seconds are those of the clock.",
    ]
    for title, rows in parts:
        lines += ["", f"## {title}", "", _line(HEADER), _line(("---",) * len(HEADER)), *map(_line, rows)]
    write_atomically(page, "\n".join(lines) + "\n")


def _line(cells: Row) -> str:
    return "| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |"
