"""How strongly the work of each step resembles that of the step before, measured once for a checkpoint and kept.

MagCache (Ma et al. 2025) leaves steps out by such figures. They belong to the weights and to the scheduler, hardly to
the prompt.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipelines.models.ahead import weight_files
from pipelines.models.measured import is_number, read_measured, write_measured

Ratios = Mapping[str, Sequence[float]]
_MOST_STEPS = 1000
_LARGEST = 100.0
_NAME = "step-ratios.json"


class Calibrations:
    """The figures of all checkpoints, in one file of a folder. folder: None = they last as long as the process."""

    def __init__(self, folder: Path | None = None) -> None:
        self._path = None if folder is None else folder / _NAME
        known = read_measured(self._path)
        self._known: dict[str, Ratios] = {key: value for key, value in known.items() if _is_sound(value)}

    def find(self, key: str) -> Ratios | None:
        """For each denoiser the mean size of a step's change over that of the step before, from its first on."""
        return self._known.get(key)

    def keep(self, key: str, ratios: Ratios) -> None:
        """Remember the figures; where the disk takes none, for this process only."""
        self._known[key] = {name: [float(value) for value in values] for name, values in ratios.items()}
        write_measured(self._path, self._known)


def key_of(places: Sequence[Path], scheduler: Any) -> str:
    """What figures belong to: the denoisers' files as they lie there now, and the scheduler with its settings."""
    stats = [(path, path.stat()) for path in weight_files(sorted(places))]
    found = [(str(path), stat.st_size, stat.st_mtime_ns) for path, stat in stats]
    settings = sorted((name, str(value)) for name, value in scheduler.config.items() if not name.startswith("_"))
    return hashlib.sha256(json.dumps([found, type(scheduler).__name__, settings]).encode()).hexdigest()[:32]


def _is_sound(value: object) -> bool:
    if not isinstance(value, dict) or not value:
        return False
    return all(
        isinstance(ratios, list)
        and 0 < len(ratios) <= _MOST_STEPS
        and all(is_number(ratio, _LARGEST) for ratio in ratios)
        for ratios in value.values()
    )
