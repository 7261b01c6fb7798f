"""The results of a folder as one page of Markdown: a table for each benchmark, and its pictures."""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from studio.bench.report import Measure

NAME = "README.md"
HEAD = """# Measured

Written by `python launch.py bench -o assets/measured` from the results beside this page, which name versions and times.
"""


def page(folder: Path) -> str:
    """The page of all NAME.json in a folder, in the order of their names."""
    reports = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]
    return "\n".join([HEAD, *map(_section, reports)])


def _section(report: Mapping[str, Any]) -> str:
    here, packages = report["machine"], report["machine"]["packages"]
    machine = f"{here['device']}, {here['cores']} cores, {here['memory_gib']} GiB, {here['kind']}"
    versions = f"torch {packages['torch']}, diffusers {packages['diffusers']}"
    pictures = [f"![{name}]({name})\n" for name in report.get("pictures", ())]
    return "\n".join([
        f"## {report['name']}\n",
        f"{_summary(report['name'])}\n",
        f"`python launch.py bench {report['name']}`, {report['seconds'] / 60:.1f} minutes on {machine}, {versions}:\n",
        *_table([_read(measure) for measure in report["measures"]]),
        "",
        *pictures,
    ])


def _summary(name: str) -> str:
    text = importlib.import_module(f"studio.bench.{name}").__doc__ or ""
    return " ".join(text.strip().splitlines()[0].split())


def _read(plain: Mapping[str, Any]) -> Measure:
    return Measure(**{field.name: plain[field.name] for field in fields(Measure) if field.name in plain})


def _table(measures: Sequence[Measure]) -> list[str]:
    """A row for each measure; what stands beside some of them has columns of its own."""
    beside = list(dict.fromkeys(name for measure in measures for name in measure.beside))
    head = ["what", "value", "promised", "", *beside, "how"]
    rows = [head, ["---"] * len(head), *(_row(measure, beside) for measure in measures)]
    return ["| " + " | ".join(row) + " |" for row in rows]


def _row(measure: Measure, beside: Sequence[str]) -> list[str]:
    others = [_figure(measure.beside[name]) if name in measure.beside else "" for name in beside]
    told = f"{_figure(measure.value)} {measure.unit}".strip()
    return [measure.name, told, measure.promise, measure.verdict, *others, measure.note.replace("|", "/")]


def _figure(value: float) -> str:
    """Three digits or so, and no more than two after the point."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
