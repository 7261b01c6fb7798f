"""The manager on real tiny weights: sharing, eviction, pins, and the answer to every kind of full memory."""

from __future__ import annotations

import dataclasses
import gc
import shutil
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
import torch

from pipelines.domain.adapters import AdapterUse
from pipelines.domain.errors import BrokenCheckpoint, InvalidRequest, OutOfMemory, UnknownModel
from pipelines.domain.frames import Frames
from pipelines.domain.request import GenerationRequest
from pipelines.families.family import Progress
from pipelines.models.catalog import Catalog
from pipelines.models.device import DeviceFacts, main_memory, measure
from pipelines.models.estimate import footprint_on
from pipelines.models.loras import LoraShelf
from pipelines.models.manager import Belongings, ModelManager
from pipelines.models.memory import Memory, memory_of, spare_main_memory
from tests.pipelines import tiny
from tests.pipelines.conftest import smallest_request


class ScriptedMemory:
    """Device memory with as many free bytes as a test says; it collects and measures like the real one."""

    def __init__(self, device: DeviceFacts, free: int) -> None:
        self._real: Memory = memory_of(device)
        self.free_bytes = free
        self.collected = 0

    def free(self) -> int:
        return self.free_bytes

    def collect(self) -> None:
        self.collected += 1
        self._real.collect()

    def limited(self, allowance: int) -> AbstractContextManager[None]:
        return self._real.limited(allowance)

    def start_peak(self) -> None:
        self._real.start_peak()

    def peak(self) -> int:
        return self._real.peak()


@pytest.fixture
def device() -> DeviceFacts:
    return measure()


@pytest.fixture
def catalog(tiny_folder: Path, tmp_path: Path) -> Catalog:
    """Two models with weights of their own, and a third that links to the components of the first."""
    for name in ("one", "two"):
        shutil.copytree(tiny_folder, tmp_path / "models" / name)
    return Catalog(tmp_path)


def make(manager: ModelManager, request: GenerationRequest, on_progress: Callable[[Progress], None]) -> Frames:
    with manager.use(request.model, request, on_progress) as model:
        return model.generate(request, {}, on_progress)


def quiet(progress: Progress) -> None:
    pass


def test_a_second_use_finds_every_component_in_memory(catalog: Catalog, device: DeviceFacts) -> None:
    manager = ModelManager(catalog, device)
    request = smallest_request(catalog.card("one"))
    make(manager, request, quiet)
    held = manager.residents()
    assert sorted(r.key.name for r in held) == ["text_encoder", "tokenizer", "transformer", "vae"]
    make(manager, request, quiet)
    assert {r.key for r in manager.residents()} == {r.key for r in held}
    assert manager.last_run is not None and manager.last_run.load_seconds < 0.1


def test_two_models_share_the_components_of_one_folder(tiny_folder: Path, tmp_path: Path, device: DeviceFacts) -> None:
    shutil.copytree(tiny_folder, tmp_path / "one")
    shutil.copytree(tiny_folder, tmp_path / "two")
    shutil.rmtree(tmp_path / "two" / "vae")
    (tmp_path / "two" / "vae").symlink_to(tmp_path / "one" / "vae")
    catalog = Catalog(tmp_path / "none", [tmp_path])
    assert [card.id for card in catalog.cards()] == ["one", "two"]
    manager = ModelManager(catalog, device)
    frames = [make(manager, smallest_request(catalog.card(name)), quiet) for name in ("one", "two")]
    names = [r.key.name for r in manager.residents()]
    assert names.count("vae") == 1 and names.count("transformer") == 2
    assert frames[0].digest() == frames[1].digest()


def test_going_back_and_forth_between_a_model_and_its_fast_card_adds_nothing(pair: Path, device: DeviceFacts) -> None:
    catalog = Catalog(pair / "none", [pair])
    manager = ModelManager(catalog, device)
    requests = [smallest_request(catalog.card(name)) for name in ("base", "fast")]

    def held() -> tuple[int, list[str]]:
        gc.collect()
        tensors = [thing for thing in gc.get_objects() if issubclass(type(thing), torch.Tensor)]
        return sum(t.numel() * t.element_size() for t in tensors), sorted(r.key.name for r in manager.residents())

    first = [make(manager, request, quiet).digest() for request in requests]
    before = held()
    for _ in range(2):
        assert [make(manager, request, quiet).digest() for request in requests] == first
    assert held() == before
    assert before[1] == ["text_encoder", "tokenizer", "transformer", "transformer", "vae"]
    assert first[0] != first[1]


def test_the_least_recently_used_model_makes_room(catalog: Catalog, device: DeviceFacts) -> None:
    request = smallest_request(catalog.card("one"))
    need = footprint_on(catalog.card("one"), request, device)
    memory = ScriptedMemory(device, free=10**9)
    manager = ModelManager(catalog, device, budget_bytes=need.weights + need.activations, memory=memory)
    make(manager, request, quiet)
    make(manager, dataclasses.replace(request, model="two"), quiet)
    weights = {r.key.folder.parent.name for r in manager.residents() if r.size}
    assert weights == {"two"}
    assert manager.last_run is not None and manager.last_run.model == "two"


def test_what_a_running_request_uses_is_pinned(catalog: Catalog, device: DeviceFacts) -> None:
    manager = ModelManager(catalog, device)
    request = smallest_request(catalog.card("one"))
    with manager.use("one", request, quiet) as model:
        assert all(r.pinned for r in manager.residents()) and manager.evict() == 0
        assert len(model.generate(request, {}, quiet)) == request.num_frames
    assert not any(r.pinned for r in manager.residents())
    assert manager.evict() == 4 and manager.residents() == ()


def test_a_model_larger_than_the_budget_is_refused_with_numbers(catalog: Catalog, device: DeviceFacts) -> None:
    manager = ModelManager(catalog, device, budget_bytes=1000)
    with pytest.raises(OutOfMemory, match=r"needs 0\.0 GB of memory") as caught:
        make(manager, smallest_request(catalog.card("one")), quiet)
    assert caught.value.hint and manager.residents() == ()


@pytest.mark.parametrize(
    ("failures", "rung", "same"),
    [(0, "none", True), (1, "collect", True), (2, "evict", True), (3, "tile", True)],
)
@pytest.mark.parametrize("error", [MemoryError, lambda: torch.OutOfMemoryError("out of memory")])
def test_a_full_memory_is_answered_rung_by_rung(
    catalog: Catalog,
    device: DeviceFacts,
    failures: int,
    rung: str,
    same: bool,
    error: Callable[[], BaseException],
) -> None:
    manager = ModelManager(catalog, device)
    request = smallest_request(catalog.card("one"))
    make(manager, dataclasses.replace(request, model="two"), quiet)  # something idle to evict
    plain = make(manager, request, quiet)
    left = failures

    def failing(progress: Progress) -> None:
        nonlocal left
        if progress.stage == "denoising" and left:
            left -= 1
            raise error()

    made = make(manager, request, failing)
    assert manager.last_run is not None and manager.last_run.rung == rung
    # A clip this small fits in one tile, so even then it is bit-identical.
    assert (made.digest() == plain.digest()) is same
    idle = {r.key.folder.parent.name for r in manager.residents() if r.size}
    assert idle == ({"one", "two"} if failures < 2 else {"one"})


def test_the_top_of_the_ladder_tells_the_numbers_and_the_manager_stays_usable(
    catalog: Catalog, device: DeviceFacts
) -> None:
    manager = ModelManager(catalog, device)
    request = smallest_request(catalog.card("one"))

    def always_full(progress: Progress) -> None:
        if progress.stage == "denoising":
            raise MemoryError("every byte is taken")

    with pytest.raises(OutOfMemory, match="every byte is taken") as caught:
        make(manager, request, always_full)
    assert "GB" in caught.value.message and "smaller" in caught.value.hint
    assert len(make(manager, request, quiet)) == request.num_frames
    assert manager.last_run is not None and manager.last_run.rung == "none"


def test_a_clip_too_large_for_real_memory_is_an_out_of_memory(catalog: Catalog, device: DeviceFacts) -> None:
    manager = ModelManager(catalog, device)
    request = smallest_request(catalog.card("one"))

    def asking_for_too_much(progress: Progress) -> None:
        if progress.stage == "encoding":
            torch.empty(2**60, dtype=torch.uint8)

    with pytest.raises(OutOfMemory, match="DefaultCPUAllocator"):
        make(manager, request, asking_for_too_much)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process limit its own memory")
def test_a_run_cannot_take_more_than_the_budget(catalog: Catalog, device: DeviceFacts) -> None:
    manager = ModelManager(catalog, device, budget_bytes=200 * 2**20)
    request = smallest_request(catalog.card("one"))
    taken: list[torch.Tensor] = []

    def hungry(progress: Progress) -> None:
        if progress.stage == "denoising":
            taken.append(torch.zeros(300 * 2**20, dtype=torch.uint8))

    with pytest.raises(OutOfMemory, match="DefaultCPUAllocator"):
        make(manager, request, hungry)
    assert taken == []
    assert len(make(manager, request, quiet)) == request.num_frames
    taken.append(torch.zeros(300 * 2**20, dtype=torch.uint8))  # the limit ends with the run


def test_memory_running_out_while_loading_evicts_the_idle(catalog: Catalog, device: DeviceFacts) -> None:
    manager = ModelManager(catalog, device)
    request = smallest_request(catalog.card("one"))
    make(manager, dataclasses.replace(request, model="two"), quiet)
    left = 2

    def failing(progress: Progress) -> None:
        nonlocal left
        if progress.stage == "loading" and progress.fraction > 0.5 and left:
            left -= 1
            raise MemoryError

    assert len(make(manager, request, failing)) == request.num_frames
    assert {r.key.folder.parent.name for r in manager.residents()} == {"one"}


def test_a_file_damaged_after_the_catalog_looked_is_named(
    catalog: Catalog, device: DeviceFacts, tmp_path: Path
) -> None:
    manager = ModelManager(catalog, device)
    (tmp_path / "models/one/transformer/diffusion_pytorch_model.safetensors").write_bytes(b"gone")
    with pytest.raises(BrokenCheckpoint, match="transformer") as caught:
        make(manager, smallest_request(catalog.card("one")), quiet)
    assert caught.value.hint
    assert len(make(manager, smallest_request(catalog.card("two")), quiet)) == 5


def test_weights_that_lack_tensors_of_their_config_are_refused(own_folder: Path, device: DeviceFacts) -> None:
    config = own_folder / "transformer/config.json"
    config.write_text(config.read_text().replace('"num_layers": 2', '"num_layers": 3'))
    catalog = Catalog(own_folder / "none", [own_folder])
    with pytest.raises(BrokenCheckpoint, match=r"transformer.*lack"):
        make(ModelManager(catalog, device), smallest_request(catalog.cards()[0]), quiet)


@pytest.mark.parametrize(("total", "free", "spare"), [(64, 60, 53.6), (16, 10, 8), (8, 3, 1.5), (4, 0, 0)])
def test_main_memory_is_never_taken_whole(total: float, free: float, spare: float) -> None:
    assert spare_main_memory(int(total * 2**30), int(free * 2**30)) == pytest.approx(spare * 2**30)


def test_a_device_that_shares_main_memory_leaves_the_machine_its_part(catalog: Catalog, device: DeviceFacts) -> None:
    manager = ModelManager(catalog, device)
    if device.kind != "cuda":
        assert manager.room().free < main_memory()[1] - 2**30 and manager.allowance() < main_memory()[1] - 2**30


def test_an_unknown_model_loads_nothing(catalog: Catalog, device: DeviceFacts) -> None:
    manager = ModelManager(catalog, device)
    with pytest.raises(UnknownModel):
        make(manager, smallest_request(catalog.card("one"), model="three"), quiet)
    assert manager.residents() == ()


def test_what_fits_only_in_fewer_bits_is_made_so_and_says_it(catalog: Catalog, device: DeviceFacts) -> None:
    request = smallest_request(catalog.card("one"))
    need = footprint_on(catalog.card("one"), request, device)
    short = need.weights + need.tiled_activations - need.components["transformer"] // 4
    manager = ModelManager(catalog, device, budget_bytes=short, memory=ScriptedMemory(device, free=10**9))
    if "fp8" not in manager.machine.storages:
        pytest.skip("this processor is slow in 16 bits, and so never stores 8")
    assert len(make(manager, request, quiet)) == request.num_frames
    run = manager.last_run
    assert run is not None and run.storage in ("int8", "fp8") and "8-bit" in run.why
    rounded = {r.key.name: r.key.rounded for r in manager.residents()}
    assert rounded["transformer"] == run.storage and rounded["vae"] == ""
    manager.budget_bytes = None
    make(manager, request, quiet)
    assert manager.last_run is not None and manager.last_run.storage == "whole"


@pytest.mark.toybox  # too slow for the quick tests; `bench models` runs fifty
def test_twenty_jobs_of_alternating_models_leave_the_memory_as_it_was(catalog: Catalog, device: DeviceFacts) -> None:
    requests = [smallest_request(catalog.card(name)) for name in ("one", "two")]
    room = sum(footprint_on(catalog.card("one"), requests[0], device).components.values()) * 2
    manager = ModelManager(catalog, device, budget_bytes=room * 3 // 4, memory=ScriptedMemory(device, free=10**9))

    def held() -> int:
        gc.collect()
        tensors = [thing for thing in gc.get_objects() if issubclass(type(thing), torch.Tensor)]
        return sum(t.numel() * t.element_size() for t in tensors)

    seen = []
    for job in range(20):
        make(manager, requests[job % 2], quiet)
        if job in (7, 13, 19):
            seen.append(held())
    assert seen[0] == seen[1] == seen[2]


def test_a_lora_is_worn_for_one_clip_and_one_for_another_base_is_refused(
    catalog: Catalog, device: DeviceFacts, tmp_path: Path
) -> None:
    shelf = LoraShelf(tmp_path / "loras")
    lora = shelf.add(tiny.write_adapter(tmp_path / "few", "one") / "few.safetensors")
    manager = ModelManager(catalog, device, own=Belongings(loras=shelf))
    request = smallest_request(catalog.card("one"))
    plain = make(manager, request, quiet).digest()
    worn = dataclasses.replace(request, adapters=(AdapterUse(digest=lora.digest),))
    weak = dataclasses.replace(request, adapters=(AdapterUse(digest=lora.digest, strength=0.5),))
    assert len({plain, make(manager, worn, quiet).digest(), make(manager, weak, quiet).digest()}) == 3
    assert make(manager, request, quiet).digest() == plain
    foreign = dataclasses.replace(request, adapters=(AdapterUse(digest="0" * 64, name="fog"),))
    with pytest.raises(InvalidRequest, match="fog is not in the library"):
        make(manager, foreign, quiet)
    assert make(manager, request, quiet).digest() == plain
