"""What the manager of models decides, keeps and gains: simulated machines, alternating jobs, drafts, and speed."""

from __future__ import annotations

import functools
import gc
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from pipelines.domain.errors import GimbalError, OutOfMemory
from pipelines.families.family import ModelCard
from pipelines.models import device
from pipelines.models.catalog import DEFAULT, Catalog
from pipelines.models.device import DeviceFacts
from pipelines.models.estimate import footprint_on, passes
from pipelines.models.installed import Installed, machine_of
from pipelines.models.manager import ModelManager
from pipelines.models.residency import ComponentKey, Need, Plan, Room, plan
from studio.bench.report import Findings, Measure
from studio.settings import Settings
from studio.studio import default_request

Say = Callable[[str], None]
MEMORIES = (4, 6, 8, 12, 16, 24, 32, 48, 80)
RAM = 64
_SHORT: Mapping[str, str] = {
    "resident": "resident",
    "model_offload": "part by part",
    "group_offload": "streamed",
    "disk_offload": "from files",
}


@dataclass(frozen=True, kw_only=True)
class Extent:
    """How much is measured. jobs: alternating ones. thresholds: of drafts. is_small: speeds at a small size only."""

    jobs: int = 50
    thresholds: tuple[float, ...] = (0.05, 0.1, 0.2)
    is_small: bool = False


def measure(say: Say, settings: Settings | None = None, extent: Extent | None = None) -> Findings:
    """All of it. Raises GimbalError where toybox is not there."""
    from studio.bench.speeds import speeds

    read, asked = settings or Settings.read(), extent or Extent()
    here = device.measure()
    say("decisions on simulated machines")
    found = [*decisions(read.assets)]
    say(f"{asked.jobs} jobs alternating between two models")
    found += alternating(read.assets, here, asked.jobs)
    say("drafts beside final clips")
    found += drafts(read.assets, here, asked.thresholds)
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
    """Two models with weights of their own take turns; after every second job the idle one is dropped, as by a full
    memory. What is held afterwards must not grow.
    """
    with _two_models(assets) as catalog:
        cards = catalog.cards()
        requests = [replace(default_request(card), steps=int(card.capabilities.steps.low)) for card in cards]
        manager = ModelManager(catalog, on)
        held: list[int] = []
        loads = 0
        for job in range(jobs):
            request = requests[job % 2]
            with manager.use(request.model, request, _ignore) as model:
                model.generate(request, {}, _ignore)
            run = manager.last_run
            loads += run is not None and run.load_seconds > 0.05
            if job % 2:
                manager.evict()
                held.append(_tensor_bytes())
        early = held[min(len(held) - 1, 4)]
        note = f"of tensors, from job {min(jobs, 10)} to {jobs}; {loads} times a model was loaded anew"
        yield Measure(
            name=f"{jobs} alternating jobs: growth", value=(held[-1] - early) / 2**20, unit="MiB", limit=0, note=note
        )


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


def drafts(assets: Path, on: DeviceFacts, thresholds: tuple[float, ...]) -> Iterator[Measure]:
    """How near a draft of the default model comes to the final clip, and in which share of its time."""
    import numpy as np

    from pipelines.models.drafts import drafting

    manager = ModelManager(Catalog(assets), on)
    card = manager.catalog.card(DEFAULT)
    requests = [replace(default_request(card, prompt), seed=5) for prompt in card.examples[:3]]
    finals = [_made(manager, request) for request in requests]
    for threshold in thresholds:
        apart, shares, passed = [], [], []
        for request, (final, seconds) in zip(requests, finals, strict=True):
            with manager.use(DEFAULT, request, _ignore) as lent, drafting(lent.pipe, threshold) as left:
                made, took = _timed(functools.partial(lent.generate, request, {}, _ignore))
            error = float(((made.astype(float) - final) ** 2).mean())
            apart.append(10 * np.log10(255**2 / max(error, 1e-9)))
            shares.append(took / seconds)
            passed.append(1 - left.share)
        note = f"{100 * sum(passed) / len(passed):.0f} % of passes reused, {len(requests)} clips of {DEFAULT}"
        beside = {"share of the final's time": sum(shares) / len(shares)}
        name = f"draft, FirstBlock at {threshold:g}: PSNR against the final clip"
        yield Measure(name=name, value=sum(apart) / len(apart), unit="dB", beside=beside, note=note)
    again, _ = _made(manager, requests[0])
    same = float((again == finals[0][0]).all())
    yield Measure(name="final clip after drafts, the same to the bit", value=same, unit="", least=1)


def _made(manager: ModelManager, request: Any) -> tuple[Any, float]:
    with manager.use(request.model, request, _ignore) as model:
        return _timed(lambda: model.generate(request, {}, _ignore))


def _timed(make: Callable[[], Any]) -> tuple[Any, float]:
    """(pixels, seconds of this process's processor time or of the clock where a device works beside it)."""
    import torch

    clock = time.perf_counter if torch.cuda.is_available() else time.process_time
    began = clock()
    frames = make()
    return frames.pixels, clock() - began


def _ignore(progress: object) -> None:
    """No one watches."""
