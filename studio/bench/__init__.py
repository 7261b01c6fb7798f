"""Measure what Gimbal promises, on this machine: one file per benchmark, listed in `NAMES`."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable

from studio.bench.report import Measure, Report, machine

NAMES = ("start", "click", "library", "idle")
Say = Callable[[str], None]


def run(name: str, say: Say) -> Report:
    """Run one benchmark in data folders of its own; `say` tells what it is doing. Raises GimbalError."""
    here, began = machine(), time.time()
    measures: tuple[Measure, ...] = importlib.import_module(f"studio.bench.{name}").measure(say)
    return Report(name=name, machine=here, began_at=began, seconds=time.time() - began, measures=measures)


def summary(name: str) -> str:
    """What a benchmark measures, in one line."""
    return (importlib.import_module(f"studio.bench.{name}").__doc__ or "").strip()
