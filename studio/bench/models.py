"""What the manager of models decides, keeps and gains: simulated machines, alternating jobs, drafts, and speed."""

from __future__ import annotations

import gc
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import psutil

from pipelines.domain.errors import GimbalError, OutOfMemory
from pipelines.domain.request import GenerationRequest
from pipelines.families.family import ModelCard
from pipelines.models import device
from pipelines.models.catalog import DEFAULT, Catalog
from pipelines.models.device import DeviceFacts
from pipelines.models.estimate import footprint_on, passes
from pipelines.models.installed import Installed, machine_of
from pipelines.models.manager import ModelManager
from pipelines.models.residency import ComponentKey, Need, Plan, Room, plan
from studio.bench.making import pixels
from studio.bench.report import Findings, Measure
from studio.settings import Settings
from studio.studio import default_request

Say = Callable[[str], None]
MEMORIES = (4, 6, 8, 12, 16, 24, 32, 48, 80)
RAM = 64
_SETTLED = 5  # pairs of jobs after which libraries have allocated what they keep for good
_MOST_GROWTH = 0.5  # MiB a job that the process's memory may seem to grow, which is its own unrest
_SHORT: Mapping[str, str] = {
    "resident": "resident",
    "model_offload": "part by part",
    "group_offload": "streamed",
    "disk_offload": "from files",
}


@dataclass(frozen=True, kw_only=True)
class Extent:
    """How much is measured. jobs: alternating ones. prompts: of drafts. is_small: speeds at a small size only."""

    jobs: int = 50
    prompts: int = 2
    is_small: bool = False


def measure(say: Say, settings: Settings | None = None, extent: Extent | None = None) -> Findings:
    """All of it. Raises GimbalError where toybox is not there."""
    from studio.bench.drafts import drafts
    from studio.bench.speeds import speeds

    read, asked = settings or Settings.read(), extent or Extent()
    here = device.measure()
    say("decisions on simulated machines")
    found = [*decisions(read.assets)]
    say(f"{asked.jobs} jobs alternating between two models")
    found += alternating(read.assets, here, asked.jobs)
    say("drafts beside final clips")
    found += drafts(read.assets, here, prompts=asked.prompts)
    say("seconds of a pass by placement, attention and compilation")
    found += speeds(here, asked.is_small or here.kind != "cuda", say)
    return Findings(measures=tuple(found), pictures={})


def simulated(memory_gb: float) -> DeviceFacts:
    """A CUDA card of that memory, as fast as a common one."""
    size = int(memory_gb * 1e9)
    return DeviceFacts(
        name=f"{memory_gb:g} GB", kind="cuda", total_bytes=size, free_bytes=size, cores=8, half=True, capability=8.9
    )


def decided(card: ModelCard, memory_gb: float, ram_gb: float = RAM) -> Plan | None:
    """What the manager would do for a card's default clip on a simulated machine; None where it refuses."""
    on = simulated(memory_gb)
    request = default_request(card)
    footprint = footprint_on(card, request, on)
    keys = {name: ComponentKey(card.folder / name, name) for name in footprint.components}
    room = Room(free=on.free_bytes, budget=None, machine=machine_of(on, Installed()), ram=int(ram_gb * 1e9))
    try:
        return plan(Need(footprint=footprint, keys=keys, passes=passes(request)), (), room)
    except OutOfMemory:
        return None


def decisions(assets: Path) -> Iterator[Measure]:
    """For each card the seconds that arithmetic gives its default clip, by the memory of the card it runs on."""
    catalog = Catalog(assets, (), assets / "nothing-fetched")
    slower = over = 0
    for card in (*catalog.cards(), *catalog.published()):
        plans = {memory: decided(card, memory) for memory in MEMORIES}
        fitting = {memory: found for memory, found in plans.items() if found is not None and found.fits}
        slower += sum(more.way.seconds > less.way.seconds for less, more in pairwise(fitting.values()))
        over += sum(p.way.weights + p.way.activations > memory * 1e9 for memory, p in fitting.items())
        if fitting:
            yield Measure(
                name=f"decided: {card.id}",
                value=min(fitting),
                unit="GB at least",
                note=", ".join(_told(memory, found) for memory, found in plans.items()),
            )
    yield Measure(name="decided: slower with more memory", value=slower, unit="plans", limit=0)
    yield Measure(name="decided: over the memory there is", value=over, unit="plans", limit=0)


def _told(memory: int, found: Plan | None) -> str:
    if found is None or not found.fits:
        return f"{memory} GB no"
    tiled = " in tiles" if found.way.tiled else ""
    return f"{memory} GB {_SHORT[found.way.placement]}{tiled} {found.way.seconds:.0f} s"


def alternating(assets: Path, on: DeviceFacts, jobs: int) -> Iterator[Measure]:
    """Two models with weights of their own take turns at their smallest clips; after every second job the idle ones are
    dropped, as by a full memory. What is held afterwards must not grow.
    """
    with _two_models(assets) as catalog:
        requests = [_smallest(card) for card in catalog.cards()]
        manager = ModelManager(catalog, on)
        tensors: list[int] = []
        process: list[int] = []
        loads = 0
        for job in range(jobs):
            request = requests[job % 2]
            pixels(manager, request, {})
            loads += manager.last_run is not None and manager.last_run.load_seconds > 0.0
            if job % 2:
                manager.evict()
                manager.memory.collect()
                tensors.append(_tensor_bytes())
                process.append(psutil.Process().memory_info().rss)
    note = f"from job {2 * _SETTLED} on, a model loaded {loads} times; slope of a line through the readings"
    grown = {"tensors": tensors, "the process": process}
    for what, readings in grown.items():
        settled = readings[_SETTLED - 1 :] if len(readings) > _SETTLED else readings
        yield Measure(
            name=f"{jobs} alternating jobs: growth of {what}",
            value=slope(settled) / 2 / 2**20,
            unit="MiB a job",
            limit=0 if what == "tensors" else _MOST_GROWTH,
            beside={"MiB at the end": readings[-1] / 2**20},
            note=note,
        )


def slope(readings: Sequence[float]) -> float:
    """How much readings grow from one to the next: of the line through them that fits best."""
    middle = (len(readings) - 1) / 2
    spread = sum((place - middle) ** 2 for place in range(len(readings)))
    return sum((place - middle) * reading for place, reading in enumerate(readings)) / spread if spread else 0.0


def _smallest(card: ModelCard) -> GenerationRequest:
    able = card.capabilities
    width, height = min(able.grid.sizes, key=lambda size: size[0] * size[1])
    length = min(able.grid.lengths)
    small = replace(default_request(card), width=width, height=height, num_frames=length)
    return replace(small, steps=int(able.steps.low))


@contextmanager
def _two_models(assets: Path) -> Iterator[Catalog]:
    source = assets / "models" / DEFAULT
    if not source.is_dir():
        raise GimbalError("There is no toybox to measure with.", "Its folder belongs under assets/models.")
    with tempfile.TemporaryDirectory() as folder:
        for name in ("one", "two"):
            shutil.copytree(source, Path(folder) / "models" / name)
        yield Catalog(Path(folder))


def _tensor_bytes() -> int:
    import torch

    gc.collect()
    tensors = [thing for thing in gc.get_objects() if issubclass(type(thing), torch.Tensor)]
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)
