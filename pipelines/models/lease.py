"""A model lent for one request: planned, loaded, pinned, run, and helped when the memory is full."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pipelines.domain.errors import InvalidRequest, OutOfMemory, Problem
from pipelines.domain.frames import Frames
from pipelines.domain.request import GenerationRequest
from pipelines.families import family_named
from pipelines.families.family import Adapter, LoadedModel, Loader, ModelCard, OnProgress, Progress, Setup
from pipelines.models.calibration import key_of
from pipelines.models.compiling import can_compile, shape_of
from pipelines.models.estimate import footprint_on, passes
from pipelines.models.facts import RunFacts
from pipelines.models.installed import attention
from pipelines.models.ladder import Rung, climb, further
from pipelines.models.placement import SIZES, Way
from pipelines.models.remedy import remedy
from pipelines.models.residency import ComponentKey, Need, plan

if TYPE_CHECKING:
    from pipelines.models.drafts import Left
    from pipelines.models.manager import ModelManager


@dataclass
class Loaded:
    """A component in memory."""

    key: ComponentKey
    value: Any
    loader: Loader
    size: int
    last_used: int = 0
    pins: int = 0
    on_device: bool = True


@dataclass(frozen=True)
class Assembled:
    """A model made of components, and how it was placed."""

    model: LoadedModel
    setup: Setup
    keys: frozenset[ComponentKey]


def component_keys(card: ModelCard) -> dict[str, ComponentKey]:
    """The components of a card's model, as they are where nobody rounds them, by their names."""
    folders = family_named(card.family).loader().shares(card)
    return {name: ComponentKey(folder, name) for name, folder in folders.items()}


class Lease:
    """A model lent for one request: what `use` yields."""

    def __init__(self, manager: ModelManager, card: ModelCard, request: GenerationRequest) -> None:
        self._manager, self._card = manager, card
        self._loader = family_named(card.family).loader()
        self._keys = component_keys(card)
        self._request = request
        self._footprint = footprint_on(card, request, manager.device)
        self._pinned: list[Loaded] = []
        self._setup = Setup(device=manager.device.torch_name, half=manager.device.half)
        self._why = ""
        self._left: Left | None = None
        self._load_seconds, self._ahead_bytes = 0.0, 0

    @property
    def pipe(self) -> Any:
        """The pipeline of the model, for measurements on it."""
        model: Any = self._model()
        return model.pipe

    def load(self, on_progress: OnProgress) -> None:
        """Plan, evict, load what is missing, pin; when memory runs out, evict all that is idle and try again."""
        on_progress(Progress(stage="loading"))
        start = time.perf_counter()
        self._ahead_bytes = self._manager.ahead.taken(key.folder for key in self._keys.values())
        climb(lambda: self._load(on_progress), self._make_room, self._explain)
        self._load_seconds = time.perf_counter() - start
        on_progress(Progress(stage="loading", fraction=1.0))

    def generate(self, request: GenerationRequest, media: Mapping[str, Frames], on_progress: OnProgress) -> Frames:
        """The frames of a request to this card; see `LoadedModel.generate`. Fills the manager's `last_run`."""
        manager = self._manager
        manager.catalog.check(request)
        self._request = request
        self._footprint = footprint_on(self._card, request, manager.device)
        manager.memory.start_peak()
        start = time.perf_counter()
        marks: list[float] = []

        def marking(progress: Progress) -> None:
            if progress.stage == "encoding":
                marks[:] = [time.perf_counter()]
            elif progress.stage == "denoising":
                marks.append(time.perf_counter())
            on_progress(progress)

        def attempt() -> Frames:
            with manager.memory.limited(manager.allowance()):
                return self._generated(request, media, marking)

        frames, rung = climb(attempt, self._step, self._explain)
        if can_compile(request, self._setup, manager.machine, manager.installed):
            manager.compilations.note(shape_of(request, manager.device.name), self._setup.compiled, marks)
        manager.last_run = self._facts(time.perf_counter() - start, rung)
        return frames

    def _facts(self, seconds: float, rung: Rung) -> RunFacts:
        """What the run took and how it was done."""
        manager = self._manager
        return RunFacts(
            model=self._card.id,
            load_seconds=round(self._load_seconds, 3),
            ahead_bytes=self._ahead_bytes,
            seconds=round(seconds, 3),
            peak_bytes=manager.memory.peak(),
            rung=rung,
            placement=self._setup.placement,
            device=manager.device.name,
            flops=self._footprint.flops * (self._left.share if self._left else 1.0),
            storage=self._setup.storage,
            tiled=self._setup.tiled,
            attention=self._setup.attention,
            compiled=self._setup.compiled,
            why=self._why,
            draft=self._left.told if self._left else "",
        )

    def _generated(self, request: GenerationRequest, media: Mapping[str, Frames], on_progress: OnProgress) -> Frames:
        """The frames, by a model that wears the request's LoRA or subjects meanwhile, as a draft where one is asked."""
        model: Any = self._model()
        adapters = self._adapters(request)
        with ExitStack() as meanwhile:
            if request.subjects and self._manager.own.subjects is not None:
                from pipelines.personalize.wearing import wearing

                folder = self._manager.own.subjects
                request = meanwhile.enter_context(wearing(model, self._card, request, folder, adapters))
            elif hasattr(model, "adapt"):
                model.adapt(adapters)
            if request.draft:
                self._left = meanwhile.enter_context(self._drafting(model.pipe, request))
            frames: Frames = model.generate(request, media, on_progress)
            return frames

    @contextmanager
    def _drafting(self, pipe: Any, request: GenerationRequest) -> Iterator[Left]:
        """Leave work out as the request says; what a draft found out about the model serves the next ones."""
        from pipelines.models.drafts import DEFAULT, Draft, drafting

        manager, by = self._manager, request.shortcut or DEFAULT
        places = [key.folder for name, key in self._keys.items() if name in self._footprint.denoisers]
        key = key_of(places, pipe.scheduler)
        ratios = manager.calibrations.find(key) if by == "mag" else None
        draft = Draft(by=by, steps=request.steps, ratios=ratios, room=lambda: manager.allowance() // 2)
        with drafting(pipe, draft) as left:
            yield left
        if left.ratios:
            manager.calibrations.keep(key, left.ratios)

    def _adapters(self, request: GenerationRequest) -> tuple[Adapter, ...]:
        """The files of the request's LoRA. Raises InvalidRequest."""
        shelf = self._manager.own.loras
        if shelf is not None:
            return shelf.resolve(request.adapters, self._card)
        if request.adapters:
            message = "There is no library of LoRA here."
            raise InvalidRequest((Problem(field="adapters", message=message, hint="Remove them from the request."),))
        return ()

    def unpin(self) -> None:
        for component in self._pinned:
            component.pins -= 1
        self._pinned.clear()

    def _load(self, on_progress: OnProgress) -> None:
        from pipelines.models.placing import usable

        manager = self._manager
        need = self._need()
        chosen = plan(need, manager.residents(), manager.room())
        for key in chosen.evict:
            manager.evict((key,))
        self._setup = chosen.way.put_into(self._setup)
        wanted = attention(manager.device, manager.installed, self._request.draft)
        self._setup = replace(self._setup, attention=usable(wanted))
        self._setup = replace(self._setup, compiled=self._compiles(chosen.way))
        self._why = f"{chosen.told} Its blocks are compiled." if self._setup.compiled else chosen.told
        self._keys = need.under(chosen.way.storage)
        for done, (name, key) in enumerate(self._keys.items()):
            on_progress(Progress(stage="loading", fraction=done / len(self._keys)))
            self._pin(name, key)
        self._model()

    def _compiles(self, way: Way) -> bool:
        manager, request = self._manager, self._request
        step = way.seconds / max(1, request.steps)
        able = can_compile(request, self._setup, manager.machine, manager.installed)
        return able and manager.compilations.wanted(shape_of(request, manager.device.name), request.steps, step)

    def _pin(self, name: str, key: ComponentKey) -> None:
        manager = self._manager
        loaded = manager.components.get(key)
        if loaded is None:
            value = self._loader.component(self._card, name, self._setup)
            self._store(name, value)
            loaded = manager.components[key] = Loaded(key, value, self._loader, self._size(name))
        loaded.last_used = 1 + max((other.last_used for other in manager.components.values()), default=0)
        if loaded not in self._pinned:
            loaded.pins += 1
            self._pinned.append(loaded)

    def _store(self, name: str, value: Any) -> None:
        if self._setup.storage != "whole" and name in self._footprint.denoisers:
            from pipelines.models.placing import store

            store(value, self._setup.storage, self._setup.half)

    def _size(self, name: str) -> int:
        """Bytes of a component as it is stored."""
        factor = SIZES[self._setup.storage] if name in self._footprint.denoisers else 1.0
        return int(factor * self._footprint.components.get(name, 0))

    def _model(self) -> LoadedModel:
        """The assembled model under the current setup, made anew when the placement changed."""
        manager = self._manager
        keys = frozenset(self._keys.values())
        sharing = {name: made for name, made in manager.assembled.items() if made.keys & keys}
        clashing = {name: made for name, made in sharing.items() if made.setup != self._setup}
        for name in clashing:
            del manager.assembled[name]
        if self._card.id in manager.assembled:
            return manager.assembled[self._card.id].model
        values = {name: manager.components[key].value for name, key in self._keys.items()}
        if any(made.setup.placement != self._setup.placement for made in clashing.values()):
            for value in values.values():
                self._loader.release(value)
        model = self._loader.assemble(self._card, values, self._setup)
        for key in keys:
            manager.components[key].on_device = manager.device.kind != "cuda" or self._setup.placement == "resident"
        manager.assembled[self._card.id] = Assembled(model, self._setup, keys)
        return model

    def _need(self) -> Need:
        keys = {name: replace(key, rounded="") for name, key in self._keys.items()}
        return Need(footprint=self._footprint, keys=keys, passes=passes(self._request))

    def _make_room(self, rung: Rung) -> bool:
        """The rungs that help while loading."""
        if rung == "collect":
            self._manager.memory.collect()
            return True
        return rung == "evict" and self._manager.evict() > 0

    def _step(self, rung: Rung) -> bool:
        """The rungs that help while running; from tiles on they take effect when the model is assembled again."""
        if rung in ("collect", "evict"):
            return self._make_room(rung)
        changes = further(self._setup, rung, self._manager.machine)
        if changes is None or (changes.storage != "whole" and not self._footprint.rounds):
            return False
        self._why += f" The memory ran out, so: {rung}."
        if changes.storage != self._setup.storage:
            self._round(changes)
        self._setup = changes
        return True

    def _round(self, setup: Setup) -> None:
        """Store the denoisers of this model, which are in memory as they are, in fewer bits."""
        manager, before = self._manager, self._keys
        self._setup, self._keys = setup, self._need().under(setup.storage)
        for name, key in before.items():
            if self._keys[name] == key:
                continue
            manager.forget_models({key})
            loaded = manager.components.pop(key)
            loaded.loader.release(loaded.value)
            self._store(name, loaded.value)
            loaded.key, loaded.size = self._keys[name], self._size(name)
            manager.components[loaded.key] = loaded
        manager.memory.collect()

    def _explain(self, words: str) -> OutOfMemory:
        manager, need = self._manager, self._footprint
        free = manager.memory.free()
        message = (
            f"The memory of {manager.device.name} ran out: the model takes {need.weights / 1e9:.2f} GB and this "
            f"clip about {need.activations / 1e9:.2f} GB more; {free / 1e9:.2f} GB are free. ({words})"
        )
        return OutOfMemory(message, remedy(self._card, self._request, manager.device, need.tiled_activations // 2))
