"""The plan as a table: what is evicted, what is loaded, where a model is placed, and when it is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.domain.errors import OutOfMemory
from pipelines.families.family import Footprint
from pipelines.models.device import Kind
from pipelines.models.placement import Machine
from pipelines.models.residency import ComponentKey, Need, Resident, Room, plan


def key(name: str) -> ComponentKey:
    return ComponentKey(Path("folder"), name)


def need(activations: int = 2, tiled: int = 1, streamed: int = 1, **sizes: int) -> Need:
    footprint = Footprint(
        components=sizes, activations=activations, tiled_activations=tiled, streamed=streamed, flops=1e3
    )
    return Need(footprint=footprint, keys={name: key(name) for name in sizes}, passes=10)


def room(kind: Kind, free: int, budget: int | None = None, ram: int | None = None) -> Room:
    """A room on a machine whose link is slow beside its arithmetic: placements are ordered as on a real one."""
    return Room(free=free, budget=budget, ram=ram, machine=Machine(kind=kind, flops=1e3, link=10, disk=1))


def resident(name: str, size: int, last_used: int, pinned: bool = False) -> Resident:
    return Resident(key=key(name), size=size, last_used=last_used, pinned=pinned)


OLD, NEW = resident("old", 4, 1), resident("new", 4, 2)
PINNED = resident("pinned", 4, 0, pinned=True)
ALL = tuple(resident(name, size, 3) for name, size in (("text", 4), ("transformer", 6), ("vae", 1)))
MODEL = need(text=4, transformer=6, vae=1)


@pytest.mark.parametrize(
    ("kind", "free", "budget", "residents", "expected"),
    [
        # kind, free bytes, budget, in memory -> (evicted, placement, tiled)
        ("cpu", 13, None, (), ((), "resident", False)),
        ("cpu", 13, None, (OLD,), ((), "resident", False)),
        ("cpu", 9, None, (NEW, OLD), (("old",), "resident", False)),
        ("cpu", 5, None, (NEW, OLD), (("old", "new"), "resident", False)),
        ("cpu", 12, None, (), ((), "resident", True)),
        ("cpu", 8, None, (NEW, PINNED), (("new",), "resident", True)),
        ("cpu", 100, 13, (OLD,), (("old",), "resident", False)),
        ("cpu", 2, None, ALL, ((), "resident", False)),  # what is in memory already costs nothing
        ("mps", 11, None, (), ((), "resident", True)),  # activations are only estimated: it is tried
        ("cuda", 12, None, (), ((), "resident", True)),
        ("cuda", 11, None, (), ((), "model_offload", False)),
        ("cuda", 7, None, (), ((), "model_offload", True)),
        ("cuda", 6, None, (), ((), "group_offload", False)),
        ("cuda", 2, None, (), ((), "group_offload", True)),
        ("cuda", 3, None, (NEW, OLD), (("old", "new"), "model_offload", False)),
    ],
)  # fmt: skip
def test_the_gentlest_plan_that_fits_is_chosen(
    kind: Kind,
    free: int,
    budget: int | None,
    residents: tuple[Resident, ...],
    expected: tuple[tuple[str, ...], str, bool],
) -> None:
    chosen = plan(MODEL, residents, room(kind, free, budget))
    assert (tuple(k.name for k in chosen.evict), chosen.way.placement, chosen.way.tiled) == expected


def test_only_what_is_missing_is_loaded() -> None:
    chosen = plan(MODEL, (resident("text", 4, 1),), room("cpu", 100))
    assert {k.name for k in chosen.load} == {"transformer", "vae"}


@pytest.mark.parametrize(("free", "budget"), [(10, None), (100, 10), (0, None)])
def test_weights_that_cannot_fit_are_refused_with_numbers(free: int, budget: int | None) -> None:
    giant = need(transformer=11 * 10**9)
    with pytest.raises(OutOfMemory, match=r"needs 11\.0 GB of memory; \d+\.0 GB") as caught:
        plan(giant, (), room("cpu", free * 10**9, budget and budget * 10**9))
    assert "smaller model" in caught.value.hint


def test_a_pinned_component_is_never_evicted() -> None:
    with pytest.raises(OutOfMemory):
        plan(MODEL, (resident("a", 50, 1, pinned=True),), room("cpu", 3))


sizes = st.integers(0, 50)


@given(
    st.lists(st.tuples(sizes, st.booleans()), max_size=6),
    st.lists(sizes, min_size=1, max_size=4),
    sizes,
    sizes,
    st.sampled_from(["cpu", "cuda", "mps"]),
)
def test_a_plan_never_drops_what_is_used_and_drops_the_oldest_first(
    held: list[tuple[int, bool]], wanted: list[int], activations: int, free: int, kind: Kind
) -> None:
    residents = [resident(f"r{n}", size, n, pinned) for n, (size, pinned) in enumerate(held)]
    request = need(activations, activations // 2, **{f"r{2 * n}": size for n, size in enumerate(wanted)})
    try:
        chosen = plan(request, residents, room(kind, free))
    except OutOfMemory:
        return
    idle = [r.key for r in residents if not r.pinned and r.key not in request.keys.values()]
    assert list(chosen.evict) == idle[: len(chosen.evict)]
    assert not set(chosen.load) & {r.key for r in residents}


@pytest.mark.parametrize(
    ("ram", "placement", "pinned"),
    [
        (None, "group_offload", True),
        (16, "group_offload", True),
        (12, "group_offload", False),
        (9, "disk_offload", False),
    ],
)
def test_main_memory_is_budgeted_too(ram: int | None, placement: str, pinned: bool) -> None:
    chosen = plan(MODEL, (), room("cuda", 3, ram=ram))
    assert (chosen.way.placement, chosen.way.pinned) == (placement, pinned)


def test_what_waits_in_main_memory_frees_nothing_on_the_device() -> None:
    waiting = Resident(key=key("old"), size=9, last_used=1, on_device=False)
    assert plan(MODEL, (waiting,), room("cuda", 10)).way.placement == "model_offload"
    assert plan(MODEL, (waiting,), room("cuda", 3, ram=7)).evict == (key("old"),)


def test_a_plan_says_what_was_chosen_and_why_nothing_better() -> None:
    told = plan(need(text=4 * 10**9, transformer=6 * 10**9), (), room("cuda", 7 * 10**9)).told
    assert told.startswith("Each part comes to the device when it is its turn.")
    assert "all weights stay in the device's memory: 10.0 GB of 7.0" in told


def test_a_model_kept_in_fewer_bits_is_another_component() -> None:
    machine = Machine(kind="cpu", flops=1, storages=("whole", "fp8"))
    chosen = plan(need(text=4, transformer=100, vae=1), (), Room(free=70, budget=None, machine=machine))
    assert chosen.way.storage == "fp8"
    assert [(k.name, k.rounded) for k in chosen.load] == [("text", ""), ("transformer", "fp8"), ("vae", "")]
