"""What this machine measured of models, kept as one small JSON object in a file of its own.

A file that cannot be read counts as empty, and a disk that takes none is no error: it is measured anew.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_MOST_BYTES = 16 * 2**20


def read_measured(path: Path | None) -> dict[str, Any]:
    """The object in a file; empty where there is none that can be read."""
    if path is None:
        return {}
    try:
        raw = json.loads(path.read_text(encoding="utf-8")) if path.stat().st_size <= _MOST_BYTES else {}
    except (OSError, ValueError, RecursionError):
        return {}
    return raw if isinstance(raw, dict) else {}


def write_measured(path: Path | None, known: Mapping[str, Any]) -> None:
    """Put an object in place of the one that was there, at once."""
    if path is None:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(".new")
        fresh.write_text(json.dumps(known), encoding="utf-8")
        fresh.replace(path)
    except OSError:
        return


def is_number(value: object, most: float) -> bool:
    """Whether a value read from a file is a plain number in 0..most."""
    return isinstance(value, float) and math.isfinite(value) and 0 <= value <= most
