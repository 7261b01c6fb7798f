"""How long a request takes here and how much memory: arithmetic, corrected by this machine's own past runs."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.domain.errors import OutOfMemory
from pipelines.domain.request import GenerationRequest
from pipelines.families import family_named
from pipelines.families.family import Footprint, ModelCard
from pipelines.models.device import DeviceFacts
from pipelines.models.installed import Installed, machine_of, speed
from pipelines.models.placement import Way
from pipelines.models.residency import ComponentKey, Need, Room, plan

_READ_BYTES_PER_SECOND = 800e6
_START_SECONDS = 6.0  # a worker's first import of torch and diffusers
_FIXED_SECONDS = 0.5
_WORKER_BYTES = 450 * 10**6  # a worker process that has imported torch, diffusers and transformers
_DRAFT_SHARE = 0.83  # of the time of a final clip, as `bench models` measured on toybox for the way drafts usually go
_USABLE = 0.95  # of a card's memory; the rest is its driver's
_FILE_BYTES_PER_PIXEL = 0.25  # of a stored clip, where none was stored yet: nearly lossless H.264
_ALIKE = 0.05  # runs whose operations differ by less are taken to need the same memory


@dataclass(frozen=True, kw_only=True)
class PastRun:
    """A finished run on this machine: `seconds` without loading, for `flops` operations."""

    model: str
    flops: float
    seconds: float
    peak_bytes: int


@dataclass(frozen=True, kw_only=True)
class Stored:
    """A clip that was stored here: the pixels of all its frames, and the bytes of its file."""

    pixels: int
    file_bytes: int


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What a request will cost: seconds at work, seconds to load if the model is not in memory, bytes at the peak.

    device_bytes: on the device (on "cpu" the whole worker process). ram_bytes: of the worker in main memory.
    disk_bytes: of the clip's file. learned: whether past runs of this model on this machine went into it. told: how it
    will lie in memory, in words.
    """

    seconds: float
    load_seconds: float
    device_bytes: int
    ram_bytes: int
    disk_bytes: int
    learned: bool = False
    told: str = ""


def estimate(
    card: ModelCard,
    request: GenerationRequest,
    device: DeviceFacts,
    history: Sequence[PastRun] = (),
    stored: Sequence[Stored] = (),
) -> Estimate:
    """The cost of a request on a device. Pure; recent runs of the same model count, the nearest in size most."""
    need = footprint_on(card, request, device)
    flops = need.flops * (_DRAFT_SHARE if request.draft else 1.0)
    way = _way(card, need, request, device) if device.kind == "cuda" else None
    runs = [run for run in history if run.model == card.id and run.flops > 0 and run.seconds > 0]
    counted = _FIXED_SECONDS + (way.seconds * flops / need.flops if way else flops / speed(device))
    working = need.weights + need.activations
    ram = _WORKER_BYTES + (need.weights if device.kind == "cuda" else working)
    alike = [run.peak_bytes for run in runs if abs(run.flops / flops - 1) < _ALIKE and run.peak_bytes > 0]
    on_device = way.weights + way.activations if way else working
    peak = max(alike) if alike else on_device if device.kind == "cuda" else ram
    return Estimate(
        seconds=_learned_seconds(flops, runs) if runs else counted,
        load_seconds=_START_SECONDS + need.weights / _READ_BYTES_PER_SECOND,
        device_bytes=peak,
        ram_bytes=ram if device.kind == "cuda" else peak,
        disk_bytes=_file_bytes(request, stored),
        learned=bool(runs),
        told=way.told if way else "",
    )


def _way(card: ModelCard, need: Footprint, request: GenerationRequest, device: DeviceFacts) -> Way | None:
    """How the manager would place the model with nothing else on the device, None where it would refuse."""
    keys = {name: ComponentKey(card.folder, name) for name in need.components}
    room = Room(free=int(device.total_bytes * _USABLE), budget=None, machine=machine_of(device, Installed()))
    try:
        return plan(Need(footprint=need, keys=keys, passes=passes(request)), (), room).way
    except OutOfMemory:
        return None


def footprint_on(card: ModelCard, request: GenerationRequest, device: DeviceFacts) -> Footprint:
    """The footprint in the precision that the device computes in."""
    need = family_named(card.family).footprint(card, request)
    return need if device.half else need.in_full_precision()


def passes(request: GenerationRequest) -> int:
    """How often the denoiser runs: twice a step where the words' pull is amplified against the negative prompt."""
    return request.steps * (2 if request.guidance > 1 else 1)


def _file_bytes(request: GenerationRequest, stored: Sequence[Stored]) -> int:
    """The median bytes a pixel of the clips that were stored, for the pixels of this one."""
    rates = [clip.file_bytes / clip.pixels for clip in stored if clip.file_bytes and clip.pixels]
    pixels = request.width * request.height * request.num_frames
    return int(pixels * (statistics.median(rates) if rates else _FILE_BYTES_PER_PIXEL))


def _learned_seconds(flops: float, runs: Sequence[PastRun]) -> float:
    """The median rate of the eight past runs nearest in operations, applied to this request."""
    near = sorted(runs, key=lambda run: abs(run.flops / flops - 1))[:8]
    return flops * statistics.median(run.seconds / run.flops for run in near)
