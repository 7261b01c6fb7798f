"""What a benchmark found: numbers with their units and limits, and the machine they were taken on."""

from __future__ import annotations

import dataclasses
import os
import platform
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from typing import Any

from pipelines.models.device import measure_without_torch
from studio import __version__

PACKAGES = ("torch", "diffusers", "transformers", "gradio", "sqlalchemy", "numpy")


@dataclass(frozen=True, kw_only=True)
class Measure:
    """One number. `limit` is what is promised (at most), None where nothing is; `note` says how it was taken."""

    name: str
    value: float
    unit: str
    limit: float | None = None
    note: str = ""

    @property
    def verdict(self) -> str:
        """Whether the promise is kept; empty where there is none."""
        return "" if self.limit is None else "kept" if self.value <= self.limit else "missed"


@dataclass(frozen=True, kw_only=True)
class Report:
    """The result of one benchmark. began_at: seconds since the epoch; seconds: how long it took."""

    name: str
    machine: Mapping[str, Any]
    began_at: float
    seconds: float
    measures: tuple[Measure, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        plain = dataclasses.asdict(self)
        plain["measures"] = [{**dataclasses.asdict(m), "verdict": m.verdict} for m in self.measures]
        return plain


def machine() -> dict[str, Any]:
    """What a number depends on: processor, memory, system, versions, and how busy it was just before."""
    device = measure_without_torch()
    return {
        "device": device.name,
        "kind": device.kind,
        "cores": device.cores,
        "memory_gib": round(device.total_bytes / 2**30, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
        "gimbal": __version__,
        "load_before": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "packages": {name: metadata.version(name) for name in PACKAGES},
    }


def middle(values: Sequence[float]) -> float:
    """The median."""
    return statistics.median(values)


def spread(values: Sequence[float], digits: int = 2) -> str:
    """How far repeated values lie apart, for a note."""
    return f"{len(values)} runs, {min(values):.{digits}f} to {max(values):.{digits}f}"
