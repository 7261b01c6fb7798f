"""How far a job is and how long it still takes, from its stages and the time its steps took."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from studio.jobs.events import JobStage

SPANS: Final[Mapping[JobStage, tuple[float, float]]] = {
    "starting": (0.0, 0.02),
    "loading": (0.02, 0.1),
    "preparing": (0.1, 0.15),
    "encoding": (0.1, 0.15),
    "training": (0.15, 0.85),
    "denoising": (0.15, 0.85),
    "decoding": (0.85, 0.97),
    "saving": (0.97, 1.0),
    "fetching": (0.0, 1.0),
    "checking": (0.0, 1.0),
}
_TAIL = 0.2  # decoding and saving, as a share of the denoising, until this machine has told better


@dataclass
class Pace:
    """The pace of one job. started: any monotonic clock's seconds.

    expected_seconds: the estimate for everything after the loading, 0 = unknown.
    """

    started: float
    expected_seconds: float = 0.0
    _reached: float = 0.0
    _first: tuple[int, float] | None = field(default=None, repr=False)

    def fraction(self, stage: JobStage, within: float) -> float:
        """The share of the whole job that is done; never falls."""
        low, high = SPANS[stage]
        self._reached = max(self._reached, low + (high - low) * min(1.0, max(0.0, within)))
        return self._reached

    def eta_seconds(self, stage: JobStage, step: int, steps: int, now: float) -> float | None:
        """Seconds until the clip is there, or None while nothing is known."""
        if stage == "denoising" and steps > 0:
            measured = self._from_steps(step, steps, now)
            if measured is not None:
                return measured
        if stage in ("starting", "loading"):
            self.started = now
        left = self.expected_seconds - (now - self.started)
        return left if left > 0 else None

    def _from_steps(self, step: int, steps: int, now: float) -> float | None:
        if self._first is None or step < self._first[0]:
            self._first = (step, now)
        first, since = self._first
        if step <= first:
            return None
        each = (now - since) / (step - first)
        return each * (steps - step) + each * steps * _TAIL
