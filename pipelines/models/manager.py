"""The one place where models are loaded, shared, evicted and run: one manager per worker process."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any

from pipelines.domain.errors import OutOfMemory
from pipelines.domain.frames import Frames
from pipelines.domain.request import GenerationRequest
from pipelines.families import family_named
from pipelines.families.family import LoadedModel, Loader, ModelCard, OnProgress, Placement, Progress, Setup
from pipelines.models.catalog import Catalog
from pipelines.models.device import DeviceFacts, settle
from pipelines.models.estimate import footprint_on
from pipelines.models.ladder import Rung, climb
from pipelines.models.memory import Memory, memory_of
from pipelines.models.residency import ComponentKey, Need, Resident, Room, plan


@dataclass(frozen=True, kw_only=True)
class RunFacts:
    """What one run cost, kept with its job and clip.

    seconds: at work, without load_seconds. peak_bytes: the most the process held on the device. rung: how far up the
    out-of-memory ladder it went. flops: counted operations, so that later estimates learn the machine's real speed.
    """

    model: str
    load_seconds: float
    seconds: float
    peak_bytes: int
    rung: Rung
    placement: Placement
    device: str
    flops: float

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


@dataclass
class _Loaded:
    """A component in memory."""

    key: ComponentKey
    value: Any
    loader: Loader
    size: int
    last_used: int = 0
    pins: int = 0


@dataclass(frozen=True)
class _Assembled:
    """A model made of components, and how it was placed."""

    model: LoadedModel
    setup: Setup
    keys: frozenset[ComponentKey]


class ModelManager:
    """Keeps recently used components in memory and lends models made of them.

    budget_bytes: the most the components and a run may hold together; None = what the device has free.
    memory: the device's memory; given by tests, else the real one.
    """

    def __init__(
        self, catalog: Catalog, device: DeviceFacts, budget_bytes: int | None = None, memory: Memory | None = None
    ) -> None:
        self.catalog = catalog
        self.device = device
        self.budget_bytes = budget_bytes
        self.memory = memory or memory_of(device)
        self.last_run: RunFacts | None = None
        self._components: dict[ComponentKey, _Loaded] = {}
        self._assembled: dict[str, _Assembled] = {}
        self._clock = 0
        settle(device)

    def residents(self) -> tuple[Resident, ...]:
        """The components in memory, the least recently used first."""
        found = [
            Resident(key=c.key, size=c.size, last_used=c.last_used, pinned=c.pins > 0)
            for c in self._components.values()
        ]
        return tuple(sorted(found, key=lambda r: r.last_used))

    @contextmanager
    def use(self, card_id: str, request: GenerationRequest, on_progress: OnProgress) -> Iterator[LoadedModel]:
        """Lend the model of a card for a request; its components stay in memory after it while there is room.

        Raises UnknownModel, InvalidRequest, BrokenCheckpoint, OutOfMemory, and what `on_progress` raises (Stopped).
        """
        card = self.catalog.card(card_id)
        self.catalog.check(request)
        self.last_run = None
        lease = _Lease(self, card, request)
        try:
            lease.load(on_progress)
            yield lease
        finally:
            lease.unpin()

    def evict(self, keys: tuple[ComponentKey, ...] | None = None) -> int:
        """Drop these components (None: every one that is not pinned); returns how many were dropped."""
        chosen = [c for c in self._components.values() if c.pins == 0 and (keys is None or c.key in keys)]
        for component in chosen:
            self._forget_models({component.key})
            component.loader.release(component.value)
            del self._components[component.key]
            component.value = None
            self.memory.collect()
        return len(chosen)

    def _forget_models(self, keys: set[ComponentKey]) -> None:
        self._assembled = {name: made for name, made in self._assembled.items() if not made.keys & keys}


class _Lease:
    """A model lent for one request: what `use` yields."""

    def __init__(self, manager: ModelManager, card: ModelCard, request: GenerationRequest) -> None:
        self._manager, self._card = manager, card
        self._loader = family_named(card.family).loader()
        folders = self._loader.shares(card)
        self._keys = {name: ComponentKey(folder, name) for name, folder in folders.items()}
        self._footprint = footprint_on(card, request, manager.device)
        self._pinned: list[_Loaded] = []
        self._setup = Setup(device=manager.device.torch_name, half=manager.device.half)
        self._load_seconds = 0.0

    def load(self, on_progress: OnProgress) -> None:
        """Plan, evict, load what is missing, pin; when memory runs out, evict all that is idle and try again."""
        on_progress(Progress(stage="loading"))
        start = time.perf_counter()
        climb(lambda: self._load(on_progress), self._make_room, self._explain)
        self._load_seconds = time.perf_counter() - start
        on_progress(Progress(stage="loading", fraction=1.0))

    def generate(self, request: GenerationRequest, media: Mapping[str, Frames], on_progress: OnProgress) -> Frames:
        """The frames of a request to this card; see `LoadedModel.generate`. Fills the manager's `last_run`."""
        manager = self._manager
        manager.catalog.check(request)
        self._footprint = footprint_on(self._card, request, manager.device)
        manager.memory.start_peak()
        start = time.perf_counter()

        def attempt() -> Frames:
            with manager.memory.limited(self._allowance()):
                return self._model().generate(request, media, on_progress)

        frames, rung = climb(attempt, self._step, self._explain)
        manager.last_run = RunFacts(
            model=self._card.id,
            load_seconds=round(self._load_seconds, 3),
            seconds=round(time.perf_counter() - start, 3),
            peak_bytes=manager.memory.peak(),
            rung=rung,
            placement=self._setup.placement,
            device=manager.device.name,
            flops=self._footprint.flops,
        )
        return frames

    def unpin(self) -> None:
        for component in self._pinned:
            component.pins -= 1
        self._pinned.clear()

    def _load(self, on_progress: OnProgress) -> None:
        manager = self._manager
        chosen = plan(self._need(), manager.residents(), self._room())
        for key in chosen.evict:
            manager.evict((key,))
        self._setup = replace(self._setup, placement=chosen.placement, tiled=chosen.tiled)
        for done, (name, key) in enumerate(self._keys.items()):
            on_progress(Progress(stage="loading", fraction=done / len(self._keys)))
            self._pin(name, key)
        self._model()

    def _pin(self, name: str, key: ComponentKey) -> None:
        manager = self._manager
        loaded = manager._components.get(key)
        if loaded is None:
            value = self._loader.component(self._card, name, self._setup)
            size = self._footprint.components.get(name, 0)
            loaded = manager._components[key] = _Loaded(key, value, self._loader, size)
        manager._clock += 1
        loaded.last_used = manager._clock
        if loaded not in self._pinned:
            loaded.pins += 1
            self._pinned.append(loaded)

    def _model(self) -> LoadedModel:
        """The assembled model under the current setup, made anew when the placement changed."""
        manager = self._manager
        keys = frozenset(self._keys.values())
        sharing = {name: made for name, made in manager._assembled.items() if made.keys & keys}
        clashing = {name: made for name, made in sharing.items() if made.setup != self._setup}
        for name in clashing:
            del manager._assembled[name]
        if self._card.id in manager._assembled:
            return manager._assembled[self._card.id].model
        values = {name: manager._components[key].value for name, key in self._keys.items()}
        if any(made.setup.placement != self._setup.placement for made in clashing.values()):
            for value in values.values():
                self._loader.release(value)
        model = self._loader.assemble(self._card, values, self._setup)
        manager._assembled[self._card.id] = _Assembled(model, self._setup, keys)
        return model

    def _need(self) -> Need:
        sizes = {key: self._footprint.components.get(name, 0) for name, key in self._keys.items()}
        return Need(
            components=sizes,
            activations=self._footprint.activations,
            tiled_activations=self._footprint.tiled_activations,
            streamed=self._footprint.streamed,
        )

    def _room(self) -> Room:
        manager = self._manager
        return Room(free=manager.memory.free(), budget=manager.budget_bytes, kind=manager.device.kind)

    def _allowance(self) -> int:
        """Bytes a run may take beyond the components in memory."""
        manager = self._manager
        free = manager.memory.free()
        if manager.budget_bytes is None:
            return free
        return max(0, min(free, manager.budget_bytes - sum(r.size for r in manager.residents())))

    def _make_room(self, rung: Rung) -> bool:
        """The rungs that help while loading."""
        if rung == "collect":
            self._manager.memory.collect()
            return True
        return rung == "evict" and self._manager.evict() > 0

    def _step(self, rung: Rung) -> bool:
        """The rungs that help while running; tiles and offloading take effect when the model is assembled again."""
        if rung in ("collect", "evict"):
            return self._make_room(rung)
        if rung == "tile" and not self._setup.tiled:
            self._setup = replace(self._setup, tiled=True)
            return True
        if rung == "offload" and self._manager.device.kind == "cuda" and self._setup.placement != "group_offload":
            self._setup = replace(self._setup, placement="group_offload")
            return True
        return False

    def _explain(self, words: str) -> OutOfMemory:
        free, need = self._manager.memory.free(), self._footprint
        message = (
            f"The memory of {self._manager.device.name} ran out: the model takes {need.weights / 1e9:.2f} GB and this "
            f"clip about {need.activations / 1e9:.2f} GB more; {free / 1e9:.2f} GB are free. ({words})"
        )
        return OutOfMemory(message, "Make the clip smaller or shorter, or close other programs.")
