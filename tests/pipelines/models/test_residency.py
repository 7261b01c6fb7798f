"""The plan as a table: what is evicted, what is loaded, where a model is placed, and when it is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.domain.errors import OutOfMemory
from pipelines.models.device import Kind
from pipelines.models.residency import ComponentKey, Need, Resident, Room, plan


def key(name: str) -> ComponentKey:
    return ComponentKey(Path("folder"), name)


def need(activations: int = 2, tiled: int = 1, streamed: int = 1, **sizes: int) -> Need:
    return Need(
        components={key(name): size for name, size in sizes.items()},
        activations=activations,
        tiled_activations=tiled,
        streamed=streamed,
    )


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
        ("cuda", 6, None, (), ((), "group_offload", True)),
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
    chosen = plan(MODEL, residents, Room(free=free, budget=budget, kind=kind))
    assert (tuple(k.name for k in chosen.evict), chosen.placement, chosen.tiled) == expected


def test_only_what_is_missing_is_loaded() -> None:
    chosen = plan(MODEL, (resident("text", 4, 1),), Room(free=100, budget=None, kind="cpu"))
    assert {k.name for k in chosen.load} == {"transformer", "vae"}


@pytest.mark.parametrize(("free", "budget"), [(10, None), (100, 10), (0, None)])
def test_weights_that_cannot_fit_are_refused_with_numbers(free: int, budget: int | None) -> None:
    giant = need(transformer=11 * 10**9)
    room = Room(free=free * 10**9, budget=budget and budget * 10**9, kind="cpu")
    with pytest.raises(OutOfMemory, match=r"needs 11\.0 GB of memory; \d+\.0 GB") as caught:
        plan(giant, (), room)
    assert "smaller model" in caught.value.hint


def test_a_pinned_component_is_never_evicted() -> None:
    with pytest.raises(OutOfMemory):
        plan(MODEL, (resident("a", 50, 1, pinned=True),), Room(free=3, budget=None, kind="cpu"))


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
        chosen = plan(request, residents, Room(free=free, budget=None, kind=kind))
    except OutOfMemory:
        return
    idle = [r.key for r in residents if not r.pinned and r.key not in request.components]
    assert list(chosen.evict) == idle[: len(chosen.evict)]
    assert not set(chosen.load) & {r.key for r in residents}
