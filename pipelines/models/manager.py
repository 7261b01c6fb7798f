"""The one place where models are loaded, shared, evicted and run: one manager per worker process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipelines.domain.request import GenerationRequest
from pipelines.families.family import OnProgress
from pipelines.models.ahead import ReadAhead, weight_files
from pipelines.models.calibration import Calibrations
from pipelines.models.catalog import Catalog
from pipelines.models.compiling import Compilations
from pipelines.models.device import DeviceFacts, main_memory, settle
from pipelines.models.facts import RunFacts
from pipelines.models.installed import find_installed, machine_of
from pipelines.models.lease import Assembled, Lease, Loaded, component_keys
from pipelines.models.loras import LoraShelf
from pipelines.models.memory import Memory, memory_of, spare_main_memory
from pipelines.models.residency import ComponentKey, Resident, Room


@dataclass(frozen=True, kw_only=True)
class Belongings:
    """What a person has beside the models.

    subjects: where the files of their subjects lie. loras: the library that requests take LoRA from. measured: where
    what this machine measured of models is kept; None = for this process only.
    """

    subjects: Path | None = None
    loras: LoraShelf | None = None
    measured: Path | None = None


class ModelManager:
    """Keeps recently used components in memory and lends models made of them.

    budget_bytes: the most the components and a run may hold together; None = what the device has free.
    may_round: weights may be stored in fewer bits where that is faster, and not only where nothing else fits.
    memory: the device's memory; given by tests, else the real one.
    """

    def __init__(
        self,
        catalog: Catalog,
        device: DeviceFacts,
        budget_bytes: int | None = None,
        memory: Memory | None = None,
        may_round: bool = False,
        own: Belongings | None = None,
    ) -> None:
        self.own = own or Belongings()
        self.catalog = catalog
        self.device = device
        self.budget_bytes = budget_bytes
        self.memory = memory or memory_of(device)
        self.may_round = may_round
        self.installed = find_installed()
        self.machine = machine_of(device, self.installed)
        self.last_run: RunFacts | None = None
        self.components: dict[ComponentKey, Loaded] = {}
        self.assembled: dict[str, Assembled] = {}
        self.ahead = ReadAhead(self._room_ahead)
        self.calibrations = Calibrations(self.own.measured)
        self.compilations = Compilations(self.own.measured)
        settle(device)

    def residents(self) -> tuple[Resident, ...]:
        """The components in memory, the least recently used first."""
        found = [
            Resident(key=c.key, size=c.size, last_used=c.last_used, pinned=c.pins > 0, on_device=c.on_device)
            for c in self.components.values()
        ]
        return tuple(sorted(found, key=lambda r: r.last_used))

    @contextmanager
    def use(self, card_id: str, request: GenerationRequest, on_progress: OnProgress) -> Iterator[Lease]:
        """Lend the model of a card for a request; its components stay in memory after it while there is room.

        Raises UnknownModel, InvalidRequest, BrokenCheckpoint, OutOfMemory, and what `on_progress` raises (Stopped).
        """
        card = self.catalog.card(card_id)
        self.catalog.check(request)
        self.last_run = None
        lease = Lease(self, card, request)
        try:
            lease.load(on_progress)
            yield lease
        finally:
            lease.unpin()

    def read_ahead(self, card_id: str) -> None:
        """Begin to read the weights of a model that comes next and are not in memory; from any thread."""

        def missing() -> tuple[Path, ...]:
            keys = component_keys(self.catalog.card(card_id)).values()
            held = {(key.folder, key.name) for key in tuple(self.components)}
            return weight_files(key.folder for key in keys if (key.folder, key.name) not in held)

        self.ahead.begin(missing)

    def evict(self, keys: tuple[ComponentKey, ...] | None = None) -> int:
        """Drop these components (None: every one that is not pinned); returns how many were dropped."""
        chosen = [c for c in self.components.values() if c.pins == 0 and (keys is None or c.key in keys)]
        for component in chosen:
            self.forget_models({component.key})
            component.loader.release(component.value)
            del self.components[component.key]
            component.value = None
            self.compilations.forget()
            self.memory.collect()
        return len(chosen)

    def room(self) -> Room:
        """What there is for a plan: measured, with enough main memory left over that the machine never freezes."""
        ram = spare_main_memory(*main_memory()) if self.device.kind == "cuda" else None
        return Room(
            free=self._free(), budget=self.budget_bytes, machine=self.machine, ram=ram, may_round=self.may_round
        )

    def allowance(self) -> int:
        """Bytes a run may take beyond the components in memory."""
        free = self._free()
        if self.budget_bytes is None:
            return free
        return max(0, min(free, self.budget_bytes - sum(r.size for r in self.residents() if r.on_device)))

    def _free(self) -> int:
        """Bytes of the device that may be taken; of main memory not all, so that the machine never freezes."""
        free = self.memory.free()
        return free if self.device.kind == "cuda" else min(free, spare_main_memory(*main_memory()))

    def _room_ahead(self) -> int:
        """Bytes of files that may be read ahead: what runs may itself lie in files that the system has mapped."""
        return spare_main_memory(*main_memory()) - sum(c.size for c in tuple(self.components.values()) if c.pins > 0)

    def forget_models(self, keys: set[ComponentKey]) -> None:
        """Take apart the models that use any of these components."""
        self.assembled = {name: made for name, made in self.assembled.items() if not made.keys & keys}
