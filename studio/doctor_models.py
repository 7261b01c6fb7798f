"""What this machine can run, how fast, and what to install for more: arithmetic on the cards, no weight is read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from pipelines.domain.errors import OutOfMemory
from pipelines.families.family import ModelCard
from pipelines.models.catalog import Catalog
from pipelines.models.device import DeviceFacts, main_memory
from pipelines.models.estimate import footprint_on, passes
from pipelines.models.installed import Installed, machine_of
from pipelines.models.memory import spare_main_memory
from pipelines.models.residency import ComponentKey, Need, Plan, Room, plan
from studio.studio import default_request

SLOW_SECONDS = 3600.0
Verdict = Literal["runs", "slow", "no"]


@dataclass(frozen=True, kw_only=True)
class Chance:
    """What becomes of a card's default clip on a device: seconds by arithmetic, without loading; told: how or why."""

    card: ModelCard
    verdict: Verdict
    seconds: float
    told: str


def chances(catalog: Catalog, device: DeviceFacts, installed: Installed) -> tuple[Chance, ...]:
    """Every card, here or published, on this device with nothing else in its memory; the quickest first."""
    found = [_chance(card, device, installed) for card in (*catalog.cards(), *catalog.published())]
    order = {"runs": 0, "slow": 1, "no": 2}
    return tuple(sorted(found, key=lambda chance: (order[chance.verdict], chance.seconds)))


def _chance(card: ModelCard, device: DeviceFacts, installed: Installed) -> Chance:
    request = default_request(card)
    footprint = footprint_on(card, request, device)
    keys = {name: ComponentKey(card.folder / name, name) for name in footprint.components}
    on_card = device.kind == "cuda"
    total = main_memory()[0]
    room = Room(
        free=int(device.total_bytes * 0.95) if on_card else spare_main_memory(device.total_bytes, device.total_bytes),
        budget=None,
        machine=machine_of(device, installed),
        ram=spare_main_memory(total, total) if on_card else None,
    )
    try:
        chosen: Plan = plan(Need(footprint=footprint, keys=keys, passes=passes(request)), (), room)
    except OutOfMemory as error:
        return Chance(card=card, verdict="no", seconds=0.0, told=error.message)
    seconds = chosen.way.seconds
    if not chosen.fits:
        return Chance(card=card, verdict="no", seconds=seconds, told="its clip of default size needs more memory")
    verdict: Verdict = "runs" if seconds <= SLOW_SECONDS else "slow"
    return Chance(card=card, verdict=verdict, seconds=seconds, told=chosen.way.told)


def described(device: DeviceFacts, installed: Installed) -> str:
    """The device in one line: its memory, what it computes in, and how."""
    parts = [f"{device.name}, {device.total_bytes / 2**30:.0f} GiB"]
    parts.append("bfloat16" if device.half else "32-bit floats only, so everything takes twice the memory")
    if device.capability:
        parts.append(f"generation {device.capability}")
    if device.flops:
        parts.append(f"{device.flops / 1e12:.0f} TFLOP/s")
    found = [name for name, there in vars(installed).items() if there]
    return ", ".join([*parts, f"with {', '.join(found)}" if found else "with no optional packages"])


def for_more(device: DeviceFacts, installed: Installed) -> Iterator[str]:
    """What would make this machine faster or let it run more, each a sentence."""
    if device.note:
        yield device.note + " A newer driver, or a CUDA build of torch, would make everything faster by far."
    if device.kind == "cuda":
        if device.capability == 9.0 and not installed.flash3:
            yield "FlashAttention 3 (built from its source) makes attention faster on this card, with the same results."
        if device.capability >= 8.0 and not installed.sage:
            yield "pip install sageattention: faster attention for drafts."
        if not installed.triton:
            yield "triton lets repeated blocks be compiled; CUDA builds of torch for Linux bring it."
    if not (installed.torchao or installed.quanto) and device.kind != "mps":
        yield "pip install torchao: weights in 8 bits where memory is short."


def shown(chance: Chance) -> str:
    """One line for a person: `wan-2.1-vace-1.3b 6 min (streamed ...)`."""
    return f"{chance.card.id} {_time(chance.seconds)}"


def summary(chances: Sequence[Chance], verdict: Verdict, most: int = 6) -> str:
    """The cards of one verdict, the quickest first, and how many more."""
    chosen = [chance for chance in chances if chance.verdict == verdict]
    more = f", and {len(chosen) - most} more" if len(chosen) > most else ""
    return ", ".join(shown(c) if verdict != "no" else c.card.id for c in chosen[:most]) + more


def _time(seconds: float) -> str:
    for size, unit in ((3600.0, "h"), (60.0, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(1.0, seconds):.0f} s"
