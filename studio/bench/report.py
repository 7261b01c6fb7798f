"""What a benchmark found: numbers with their units and limits, and the machine they were taken on."""

from __future__ import annotations

import dataclasses
import os
import platform
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from typing import Any

from pipelines.models.device import measure_without_torch
from studio import __version__

PACKAGES = ("torch", "diffusers", "transformers", "gradio", "sqlalchemy", "numpy")


@dataclass(frozen=True, kw_only=True)
class Measure:
    """One number. `limit` and `least` are what is promised (at most, at least), None where nothing is.

    note: how it was taken. beside: the same figure of what it is to be compared with, by name.
    """

    name: str
    value: float
    unit: str
    limit: float | None = None
    least: float | None = None
    note: str = ""
    beside: Mapping[str, float] = field(default_factory=dict)

    @property
    def promise(self) -> str:
        """What is promised, in signs; empty where nothing is."""
        bounds = (("<=", self.limit), (">=", self.least))
        return ", ".join(f"{sign} {bound:g}" for sign, bound in bounds if bound is not None)

    @property
    def verdict(self) -> str:
        """Whether the promise is kept; empty where there is none."""
        if not self.promise:
            return ""
        low = self.limit is None or self.value <= self.limit
        return "kept" if low and (self.least is None or self.value >= self.least) else "missed"

    @property
    def remark(self) -> str:
        """What stands beside it and how it was taken."""
        return "; ".join(part for part in (*(f"{k} {v:.2f}" for k, v in self.beside.items()), self.note) if part)


@dataclass(frozen=True, kw_only=True)
class Findings:
    """Measures with pictures of them: files by name, written beside the report where one is asked for."""

    measures: tuple[Measure, ...]
    pictures: Mapping[str, bytes]


@dataclass(frozen=True, kw_only=True)
class Report:
    """The result of one benchmark. began_at: seconds since the epoch; seconds: how long it took.

    pictures: files by name that show it.
    """

    name: str
    machine: Mapping[str, Any]
    began_at: float
    seconds: float
    measures: tuple[Measure, ...]
    pictures: Mapping[str, bytes] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON; of the pictures their names."""
        plain = dataclasses.asdict(dataclasses.replace(self, pictures={}))
        plain["pictures"] = sorted(self.pictures)
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
