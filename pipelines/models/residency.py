"""Which components stay in memory and how a model is placed: a pure plan, no torch, no clock, no device."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from pipelines.domain.errors import OutOfMemory
from pipelines.families.family import Footprint, Placement, Storage
from pipelines.models.placement import Machine, Way, fits_locked, ways


@dataclass(frozen=True, order=True)
class ComponentKey:
    """One component in memory: equal keys are one object, whichever models use it.

    rounded: in how few bits its weights lie there ("" = as they are).
    """

    folder: Path
    name: str
    rounded: str = ""


@dataclass(frozen=True, kw_only=True)
class Resident:
    """A component that is in memory. last_used: a counter, larger = later. pinned: a running request needs it.

    on_device: whether its weights rest on the device, and not in main memory beside it.
    """

    key: ComponentKey
    size: int
    last_used: int
    pinned: bool = False
    on_device: bool = True


@dataclass(frozen=True, kw_only=True)
class Need:
    """What a request needs. keys: the component that each name of the footprint is. passes: runs of the denoiser."""

    footprint: Footprint
    keys: Mapping[str, ComponentKey]
    passes: int = 1

    def under(self, storage: Storage) -> dict[str, ComponentKey]:
        """The components where the denoisers' weights are stored so."""
        rounded = "" if storage == "whole" else storage
        return {
            name: replace(key, rounded=rounded) if name in self.footprint.denoisers else key
            for name, key in self.keys.items()
        }


@dataclass(frozen=True, kw_only=True)
class Room:
    """What there is. free: bytes of the device as measured now; budget: the most the manager may hold (None = all).

    ram: bytes of main memory that may be taken beside the device's without slowing the machine (None = unknown).
    may_round: whether weights in fewer bits may be chosen for their speed alone.
    """

    free: int
    budget: int | None
    machine: Machine
    ram: int | None = None
    may_round: bool = False


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to do before a request: evict in this order, load, and place this way.

    fits: False where only the estimated activations exceed the memory, and it is tried all the same.
    passed_over: the better ways that do not fit, each with why.
    """

    evict: tuple[ComponentKey, ...]
    load: tuple[ComponentKey, ...]
    way: Way
    fits: bool = True
    passed_over: tuple[str, ...] = field(default=(), compare=False)

    @property
    def told(self) -> str:
        """The decision in words: what was chosen, and what kept from the better ways."""
        why = "" if not self.passed_over else f" Not possible: {'; '.join(self.passed_over)}."
        doubt = "" if self.fits else " By the estimate the memory does not suffice even so; it is tried."
        return f"{self.way.told[0].upper()}{self.way.told[1:]}.{why}{doubt}"


def plan(need: Need, residents: Sequence[Resident], room: Room) -> Plan:
    """The best plan that fits. Least recently used go first; pinned and needed ones stay.

    On "cpu" and "mps" weights and activations share main memory, so offloading gains nothing there. Where only the
    estimated activations do not fit, the leanest way is tried all the same: estimates do not refuse, devices do.
    Raises OutOfMemory with numbers when the weights themselves, which are counted exactly, cannot fit.
    """
    found = ways(need.footprint, need.passes, room.machine, room.may_round)
    passed: dict[tuple[Placement, Storage], str] = {}
    for way in found:
        idle = _idle(need, residents, way)
        for count in range(len(idle) + 1):
            if not _lacking(way, way.activations, _available(need, residents, idle[:count], way, room)):
                return _planned(need, residents, idle[:count], way, tuple(passed.values()))
        why = _lacking(way, way.activations, _available(need, residents, idle, way, room))
        passed.setdefault((way.placement, way.storage), f"{way.told}: {why}")
    leanest = min(found, key=lambda way: (way.weights + way.activations, way.ram, way.seconds))
    idle = _idle(need, residents, leanest)
    most = _available(need, residents, idle, leanest, room)
    if _lacking(leanest, 0, most):
        raise refusal(leanest.weights, most[0])
    return _planned(need, residents, idle, leanest, tuple(passed.values()), fits=False)


def _idle(need: Need, residents: Sequence[Resident], way: Way) -> list[Resident]:
    """What may be evicted for a way, the least recently used first."""
    needed = set(need.under(way.storage).values())
    return sorted((r for r in residents if not r.pinned and r.key not in needed), key=lambda r: r.last_used)


def _planned(
    need: Need,
    residents: Sequence[Resident],
    evicted: Sequence[Resident],
    way: Way,
    passed: tuple[str, ...],
    fits: bool = True,
) -> Plan:
    held = {resident.key for resident in residents}
    load = tuple(key for key in need.under(way.storage).values() if key not in held)
    return Plan(evict=tuple(r.key for r in evicted), load=load, way=way, fits=fits, passed_over=passed)


def refusal(needed: int, available: int) -> OutOfMemory:
    """The error of a model that cannot fit, with its numbers and what would help."""
    message = f"The model needs {needed / 1e9:.1f} GB of memory; {max(0, available) / 1e9:.1f} GB can be had here."
    return OutOfMemory(message, "Close other programs, choose a smaller model, or raise the memory budget.")


def _available(
    need: Need, residents: Sequence[Resident], evicted: Sequence[Resident], way: Way, room: Room
) -> tuple[int, int | None]:
    """Bytes for this request after an eviction, on the device and in main memory; what it already holds among them."""
    counted = {r.key for r in evicted} | set(need.under(way.storage).values())
    others = sum(r.size for r in residents if r.key not in counted and r.on_device)
    free = room.free + sum(r.size for r in residents if r.key in counted and r.on_device)
    device = free if room.budget is None else min(free, room.budget - others)
    if room.ram is None:
        return device, None
    return device, room.ram + sum(r.size for r in residents if r.key in counted and not r.on_device)


def _lacking(way: Way, activations: int, available: tuple[int, int | None]) -> str:
    """Why a way does not fit, with its numbers; empty when it does."""
    device, ram = available
    wanted = way.weights + activations
    if wanted > device:
        return f"{wanted / 1e9:.1f} GB of {max(0, device) / 1e9:.1f}"
    if ram is not None and way.ram > ram:
        return f"{way.ram / 1e9:.1f} GB of {max(0, ram) / 1e9:.1f} in main memory"
    if ram is not None and not fits_locked(way, ram):
        return f"locking {way.ram / 1e9:.1f} GB of {ram / 1e9:.1f} in main memory would starve the machine"
    return ""
