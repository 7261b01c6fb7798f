"""Which components stay in memory and how a model is placed: a pure plan, no torch, no clock, no device."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipelines.domain.errors import OutOfMemory
from pipelines.families.family import Placement
from pipelines.models.device import Kind


@dataclass(frozen=True, order=True)
class ComponentKey:
    """One component in memory: equal keys are one object, whichever models use it."""

    folder: Path
    name: str


@dataclass(frozen=True, kw_only=True)
class Resident:
    """A component that is in memory. last_used: a counter, larger = later. pinned: a running request needs it."""

    key: ComponentKey
    size: int
    last_used: int
    pinned: bool = False


@dataclass(frozen=True, kw_only=True)
class Need:
    """What a request needs: bytes of each component, activations with the codec whole or in tiles.

    streamed: bytes of weights on the device at once under group offload.
    """

    components: Mapping[ComponentKey, int]
    activations: int
    tiled_activations: int
    streamed: int


@dataclass(frozen=True, kw_only=True)
class Room:
    """What there is: free bytes as measured now, and the most bytes the manager may hold (None = all)."""

    free: int
    budget: int | None
    kind: Kind


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to do before a request: evict in this order, load, place, and whether the codec works in tiles."""

    evict: tuple[ComponentKey, ...]
    load: tuple[ComponentKey, ...]
    placement: Placement
    tiled: bool


def plan(need: Need, residents: Sequence[Resident], room: Room) -> Plan:
    """The gentlest plan that fits. Least recently used go first; pinned and needed ones stay.

    On "cpu" and "mps" weights and activations share main memory, so offloading gains nothing there. Where only the
    estimated activations do not fit, the last placement is tried all the same: estimates do not refuse, devices do.
    Raises OutOfMemory with numbers when the weights themselves, which are counted exactly, cannot fit.
    """
    load = tuple(key for key in need.components if key not in {r.key for r in residents})
    idle = sorted((r for r in residents if not r.pinned and r.key not in need.components), key=lambda r: r.last_used)
    choices = _choices(need, room.kind)
    for placement, tiled, weights, activations in choices:
        for count in range(len(idle) + 1):
            if _fits(weights + activations, need, residents, idle[:count], room):
                return Plan(evict=tuple(r.key for r in idle[:count]), load=load, placement=placement, tiled=tiled)
    placement, tiled, weights, _ = choices[-1]
    if not _fits(weights, need, residents, idle, room):
        raise refusal(weights, _available(need, residents, idle, room))
    return Plan(evict=tuple(r.key for r in idle), load=load, placement=placement, tiled=tiled)


def refusal(needed: int, available: int) -> OutOfMemory:
    """The error of a model that cannot fit, with its numbers and what would help."""
    message = f"The model needs {needed / 1e9:.1f} GB of memory; {max(0, available) / 1e9:.1f} GB can be had here."
    return OutOfMemory(message, "Close other programs, choose a smaller model, or raise the memory budget.")


def _choices(need: Need, kind: Kind) -> list[tuple[Placement, bool, int, int]]:
    """(placement, tiled, bytes of weights on the device at once, activations), the gentlest first."""
    whole = sum(need.components.values())
    largest = max(need.components.values(), default=0)
    choices: list[tuple[Placement, bool, int, int]] = [
        ("resident", False, whole, need.activations),
        ("resident", True, whole, need.tiled_activations),
    ]
    if kind == "cuda":
        choices += [
            ("model_offload", False, largest, need.activations),
            ("model_offload", True, largest, need.tiled_activations),
            ("group_offload", True, need.streamed, need.tiled_activations),
        ]
    return choices


def _available(need: Need, residents: Sequence[Resident], evicted: Sequence[Resident], room: Room) -> int:
    """Bytes for this request after an eviction, those its own components already hold among them."""
    gone = {r.key for r in evicted}
    own = sum(r.size for r in residents if r.key in need.components)
    others = sum(r.size for r in residents if r.key not in need.components and r.key not in gone)
    free = room.free + own + sum(r.size for r in evicted)
    return free if room.budget is None else min(free, room.budget - others)


def _fits(size: int, need: Need, residents: Sequence[Resident], evicted: Sequence[Resident], room: Room) -> bool:
    return size <= _available(need, residents, evicted, room)
