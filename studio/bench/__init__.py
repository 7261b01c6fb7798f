"""Measure what Gimbal promises, on this machine: one file per benchmark, listed in `NAMES`."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from studio.bench.report import Report

NAMES = (
    "start", "click", "library", "idle", "preview", "toybox", "camera", "control", "estimators", "sources", "subject",
    "models", "long",
)
Say = Callable[[str], None]


def run(name: str, say: Say, extent: object = None) -> Report:
    """Run one benchmark in data folders of its own; `say` tells what it is doing. Raises GimbalError.

    extent: how much is measured, for a benchmark that can be made smaller; None for all of it.
    """
    from studio.bench.report import Findings, Measure, Report, machine

    here, began = machine(), time.time()
    more = {} if extent is None else {"extent": extent}
    found: tuple[Measure, ...] | Findings = importlib.import_module(f"studio.bench.{name}").measure(say, **more)
    if not isinstance(found, Findings):
        found = Findings(measures=found, pictures={})
    return Report(
        name=name,
        machine=here,
        began_at=began,
        seconds=time.time() - began,
        measures=found.measures,
        pictures=found.pictures,
    )


def summary(name: str) -> str:
    """What a benchmark measures, in one line."""
    return (importlib.import_module(f"studio.bench.{name}").__doc__ or "").strip()
