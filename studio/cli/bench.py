"""Measure what Gimbal promises on this machine."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from studio.cli import bench_extent
from studio.cli.console import Console

if TYPE_CHECKING:
    from studio.bench.report import Report

HELP = "measure the studio on this machine"


def arguments(parser: argparse.ArgumentParser) -> None:
    from studio.bench import NAMES

    parser.add_argument("name", nargs="?", choices=NAMES, help="which one; all without a name")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FOLDER", help="write each result there as NAME.json, and a page of all"
    )
    bench_extent.arguments(parser)


def run(options: argparse.Namespace, console: Console) -> int:
    from studio import bench

    extent, reports = bench_extent.extent_of(options), []
    for name in [options.name] if options.name else bench.NAMES:
        console.note(f"{name}: {bench.summary(name)}")
        report = bench.run(name, console.note, extent)
        reports.append(report)
        _show(report, console)
        if options.output:
            _write(report, options.output)
    console.result(reports=[report.as_dict() for report in reports])
    return 0


def _show(report: Report, console: Console) -> None:
    here = report.machine
    console.say(f"{report.name} on {here['device']}, {here['cores']} cores, {here['memory_gib']} GiB, {here['system']}")
    rows = [(m.name, f"{m.value:.2f}", m.unit, m.promise, m.verdict, m.remark) for m in report.measures]
    console.table(("measure", "value", "unit", "promised", "", "note"), rows)
    console.say()


def _write(report: Report, folder: Path) -> None:
    from studio.bench import page
    from studio.home import storage_error, write_atomically

    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in report.pictures.items():
            (folder / name).write_bytes(content)
    except OSError as error:
        raise storage_error(error, folder) from error
    write_atomically(folder / f"{report.name}.json", json.dumps(report.as_dict(), indent=1) + "\n")
    write_atomically(folder / page.NAME, page.page(folder))
