"""Where a model's weights lie on a machine: every way there is with its bytes and seconds, as pure arithmetic.

A way is judged by what it costs the clip first (weights in fewer bits change the frames beyond rounding, so they come
last unless a person allows them) and by its time second, never by the memory it takes. So more memory only ever adds
ways to choose from: it never makes a clip slower or coarser. The speeds below order the ways and feed the estimate; the
device itself has the last word.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from pipelines.families.family import Footprint, Placement, Setup, Storage
from pipelines.models.device import Kind

COARSE: tuple[Storage, ...] = ("whole", "int8", "fp8", "int4")
# Bytes per weight over those of 16 bits: scales and the layers that stay as they are included.
SIZES: dict[Storage, float] = {"whole": 1.0, "int8": 0.53, "fp8": 0.54, "int4": 0.31}
# Time of a step over that with whole weights, where the weights are made whole again layer by layer.
_SLOWER: dict[Storage, float] = {"whole": 1.0, "int8": 1.08, "fp8": 1.05, "int4": 1.15}
_TILED_SLOWER = 1.03  # of a whole request: tiles overlap, and the codec is a small part of it
_OFFLOADED_SLOWER = 1.02  # hooks around each layer
_UNPINNED = 0.5  # speed of a copy from memory that is not locked, over one that is
_PINNED_SHARE = 0.7  # of the main memory that is free; more locked memory starves the rest of the machine
_WORDS: dict[Placement, str] = {
    "resident": "all weights stay in the device's memory",
    "model_offload": "each part comes to the device when it is its turn",
    "group_offload": "weights stream through the device layer by layer",
    "disk_offload": "weights stream from their files layer by layer",
}
_STORED: dict[Storage, str] = {
    "whole": "",
    "int8": "weights rounded to 8-bit integers",
    "fp8": "weights rounded to 8-bit floats",
    "int4": "weights rounded to 4 bits",
}


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What a device is like, apart from how much of it is free. Speeds per second.

    flops: operations. link: bytes from locked main memory to the device. disk: bytes read from the disk.
    storages: the forms in which weights can lie in memory here.
    """

    kind: Kind
    flops: float
    link: float = 12e9
    disk: float = 1.5e9
    storages: tuple[Storage, ...] = ("whole",)


@dataclass(frozen=True, kw_only=True)
class Way:
    """One way to place a model: the Setup's words, and what it takes at its largest moment.

    weights, activations: bytes on the device. ram: bytes of weights in main memory beside it (0 on "cpu" and "mps",
    where both are one). seconds: of the whole request.
    """

    placement: Placement
    storage: Storage
    tiled: bool
    pinned: bool
    weights: int
    activations: int
    ram: int
    seconds: float

    @property
    def told(self) -> str:
        """The way in words."""
        parts = (_WORDS[self.placement], _STORED[self.storage], "the codec works in tiles" if self.tiled else "")
        return ", ".join(part for part in parts if part)

    def put_into(self, setup: Setup) -> Setup:
        """A setup with this placement."""
        return replace(setup, placement=self.placement, storage=self.storage, tiled=self.tiled, pinned=self.pinned)


def ways(need: Footprint, passes: int, machine: Machine, may_round: bool = False) -> tuple[Way, ...]:
    """Every way to place a model on a machine, the best first.

    passes: how often the denoiser runs. may_round: a person prefers time to exact weights. Best is: weights in their
    own form (all alike if they may be rounded), then the least time; ties go to the way that was named first.
    """
    found = [
        way
        for storage in COARSE
        if storage in machine.storages and (storage == "whole" or need.rounds)
        for way in _stored(need, passes, machine, storage)
    ]
    return tuple(sorted(found, key=lambda way: (0 if may_round else COARSE.index(way.storage), way.seconds)))


def _stored(need: Footprint, passes: int, machine: Machine, storage: Storage) -> Iterator[Way]:
    sizes = {
        name: int(size * (SIZES[storage] if name in need.denoisers else 1)) for name, size in need.components.items()
    }
    computing = need.flops / machine.flops * _SLOWER[storage]
    for tiled in (False, True):
        at_work = computing * (_TILED_SLOWER if tiled else 1.0)
        activations = need.tiled_activations if tiled else need.activations
        for placement, pinned, weights, ram, seconds in _placed(need, sizes, passes, machine, at_work, storage):
            yield Way(
                placement=placement,
                storage=storage,
                tiled=tiled,
                pinned=pinned,
                weights=weights,
                activations=activations,
                ram=ram,
                seconds=seconds,
            )


def _placed(
    need: Footprint, sizes: dict[str, int], passes: int, machine: Machine, at_work: float, storage: Storage
) -> Iterator[tuple[Placement, bool, int, int, float]]:
    """(placement, pinned, bytes on the device, bytes in main memory, seconds) of every placement."""
    whole, largest = sum(sizes.values()), max(sizes.values(), default=0)
    if machine.kind != "cuda":
        yield "resident", False, whole, 0, at_work
        return
    yield "resident", False, whole, largest, at_work  # each part passes through main memory once
    moved = 2 * whole / (machine.link * _UNPINNED)  # to the device and back, once per clip
    yield "model_offload", False, largest, whole, at_work + moved
    if storage in ("int8", "int4"):
        return  # packed weights are no plain tensors that could be streamed
    denoiser = max((sizes[name] for name in need.denoisers if name in sizes), default=0)
    rest = (whole - denoiser) / (machine.link * _UNPINNED)
    step = at_work * _OFFLOADED_SLOWER / max(1, passes)
    for pinned, speed in ((True, machine.link), (False, machine.link * _UNPINNED)):
        yield "group_offload", pinned, need.streamed, whole, rest + passes * max(step, denoiser / speed)
    if storage == "whole" and need.rounds:
        # The files themselves are the memory: the system drops and reads their pages as it must.
        seconds = rest + (whole - denoiser) / machine.disk + passes * (step + denoiser / machine.disk)
        yield "disk_offload", False, need.streamed, 0, seconds


def fits_locked(way: Way, ram: int) -> bool:
    """Whether locked weights leave enough main memory to the rest of the machine; `ram`: bytes free."""
    return not way.pinned or way.ram <= _PINNED_SHARE * ram
