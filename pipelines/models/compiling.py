"""Whether the repeated blocks of a denoiser are compiled for a clip: where it pays, by what this machine measured.

Compiling costs seconds to minutes, once for each shape of a clip in a worker, and saves a part of every pass then.
Both are remembered by card and shape, so that the second thought is better than the first. No torch here.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipelines.domain.request import GenerationRequest
from pipelines.families.family import Setup
from pipelines.models.installed import Installed
from pipelines.models.measured import is_number, read_measured, write_measured
from pipelines.models.placement import Machine

_COST_SECONDS = 90.0  # of compiling, where nobody has measured it
_SAVED = 0.15  # of a pass, where nobody has measured it
_MOST_SHAPES = 6  # in one worker: each keeps its code in memory
_MOST_SECONDS = 1e6
_NAME = "compiling.json"


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What one compilation serves: a card on a device, and everything that decides the sizes in a pass."""

    device: str
    card: str
    width: int
    height: int
    num_frames: int
    parts: int

    @property
    def key(self) -> str:
        return f"{self.device}|{self.card}|{self.width}x{self.height}x{self.num_frames}+{self.parts}"


def shape_of(request: GenerationRequest, device: str) -> Shape:
    """The shape of a request. parts: its conditionings, which may add frames to a pass."""
    return Shape(
        device=device,
        card=request.model,
        width=request.width,
        height=request.height,
        num_frames=request.num_frames,
        parts=len(request.conditioning),
    )


@dataclass(frozen=True, kw_only=True)
class Seen:
    """Seconds that were measured, 0 = never: of a step as it is, of one with compiled blocks, and of compiling."""

    plain: float = 0.0
    compiled: float = 0.0
    cost: float = 0.0


def can_compile(request: GenerationRequest, setup: Setup, machine: Machine, installed: Installed) -> bool:
    """Whether blocks can be compiled and stay so: nothing may be hung into them or taken out from clip to clip."""
    changes = bool(request.adapters or request.subjects or request.draft)
    lies_whole = setup.storage == "whole" and setup.placement in ("resident", "model_offload")
    return machine.kind == "cuda" and installed.triton and lies_whole and not changes


def pays(seen: Seen, steps: int, step_seconds: float, is_ready: bool) -> bool:
    """Whether compiling saves time over a clip. step_seconds: as estimated, for what was never measured.

    is_ready: the worker has compiled this shape before, so that it costs nothing.
    """
    plain = seen.plain or step_seconds
    saved = plain - seen.compiled if seen.compiled and seen.plain else plain * _SAVED
    return steps * saved > (0.0 if is_ready else seen.cost or _COST_SECONDS)


class Compilations:
    """What compiling cost and gained on this machine, and the shapes that this worker holds compiled."""

    def __init__(self, folder: Path | None = None) -> None:
        self._path = None if folder is None else folder / _NAME
        self._seen = {key: Seen(**value) for key, value in read_measured(self._path).items() if _is_sound(value)}
        self._ready: set[Shape] = set()

    def wanted(self, shape: Shape, steps: int, step_seconds: float) -> bool:
        """Whether a clip of that shape is made with compiled blocks."""
        if shape not in self._ready and len(self._ready) >= _MOST_SHAPES:
            return False
        return pays(self._seen.get(shape.key, Seen()), steps, step_seconds, shape in self._ready)

    def note(self, shape: Shape, compiled: bool, marks: Sequence[float]) -> None:
        """Learn from a clip that was made. marks: when its denoising began and each step ended, in seconds."""
        steps = [after - before for before, after in zip(marks, marks[1:], strict=False)]
        if len(steps) < 3:
            return
        before, usual = self._seen.get(shape.key, Seen()), statistics.median(steps[1:])
        if compiled:
            cost = before.cost if shape in self._ready else max(0.0, steps[0] - usual)
            self._seen[shape.key] = Seen(plain=before.plain, compiled=usual, cost=cost)
            self._ready.add(shape)
        else:
            self._seen[shape.key] = Seen(plain=usual, compiled=before.compiled, cost=before.cost)
        write_measured(self._path, {key: vars(seen) for key, seen in self._seen.items()})

    def forget(self) -> None:
        """The worker's models were taken apart, and what was compiled with them."""
        self._ready.clear()


def _is_sound(value: object) -> bool:
    names = {"plain", "compiled", "cost"}
    return (
        isinstance(value, dict) and set(value) == names and all(is_number(v, _MOST_SECONDS) for v in value.values())
    )
