"""Placements on simulated machines: from 2 to 96 GB, never over budget, and more memory never costs anything."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.domain.errors import OutOfMemory
from pipelines.families.family import Footprint, Setup, Storage
from pipelines.models.device import DeviceFacts, Kind
from pipelines.models.installed import Installed, attention, machine_of, storages
from pipelines.models.placement import COARSE, Machine, ways
from pipelines.models.residency import ComponentKey, Need, Plan, Room, plan

GB = 10**9
SMALL = Footprint(
    components={"text_encoder": 11 * GB, "transformer": 3 * GB, "vae": GB // 4},
    activations=6 * GB,
    tiled_activations=2 * GB,
    streamed=GB,
    flops=4e16,
)
LARGE = Footprint(
    components={"text_encoder": 11 * GB, "transformer": 34 * GB, "vae": GB // 4},
    activations=9 * GB,
    tiled_activations=5 * GB,
    streamed=2 * GB,
    flops=3e17,
)
PAIR = Footprint(
    components={"text_encoder": 11 * GB, "transformer": 28 * GB, "transformer_2": 28 * GB, "vae": GB // 4},
    activations=9 * GB,
    tiled_activations=5 * GB,
    streamed=2 * GB,
    flops=3e17,
)
MEMORIES = (2, 4, 6, 8, 10, 12, 16, 20, 24, 32, 40, 48, 64, 80, 96)
RAMS = (8, 16, 32, 64, 128)
ALL: tuple[Storage, ...] = ("whole", "int8", "fp8", "int4")


def decided(need: Footprint, kind: Kind, memory: float, ram: float | None, may_round: bool = False) -> Plan | None:
    """The plan on an empty machine, None where it is refused."""
    keys = {name: ComponentKey(Path("folder"), name) for name in need.components}
    machine = Machine(kind=kind, flops=2e14 if kind == "cuda" else 1e11, storages=ALL)
    free = Room(
        free=int(memory * GB),
        budget=None,
        machine=machine,
        ram=None if ram is None else int(ram * GB),
        may_round=may_round,
    )
    try:
        return plan(Need(footprint=need, keys=keys, passes=100), (), free)
    except OutOfMemory:
        return None


@pytest.mark.parametrize("may_round", [False, True])
@pytest.mark.parametrize("need", [SMALL, LARGE, PAIR], ids=["small", "large", "pair"])
@pytest.mark.parametrize("ram", RAMS)
def test_more_memory_is_never_slower_nor_coarser(need: Footprint, ram: int, may_round: bool) -> None:
    plans = [decided(need, "cuda", memory, ram, may_round) for memory in MEMORIES]
    known = [found for found in plans if found is not None and found.fits]
    assert known and plans[-1] is not None
    for less, more in pairwise(known):
        assert more.way.seconds <= less.way.seconds
        assert may_round or COARSE.index(more.way.storage) <= COARSE.index(less.way.storage)


@pytest.mark.parametrize("need", [SMALL, LARGE, PAIR], ids=["small", "large", "pair"])
@pytest.mark.parametrize("memory", MEMORIES)
def test_no_plan_that_fits_takes_more_than_there_is(need: Footprint, memory: int) -> None:
    for ram in RAMS:
        found = decided(need, "cuda", memory, ram)
        if found is not None and found.fits:
            assert found.way.weights + found.way.activations <= memory * GB and found.way.ram <= ram * GB


@pytest.mark.parametrize(
    ("need", "memory", "ram", "placement", "tiled"),
    [
        (SMALL, 80, 128, "resident", False),
        (SMALL, 24, 64, "resident", False),
        (SMALL, 18, 64, "model_offload", False),
        (SMALL, 8, 64, "group_offload", False),
        (SMALL, 4, 64, "group_offload", True),
        (LARGE, 80, 128, "resident", False),
        (LARGE, 48, 128, "model_offload", False),
        (LARGE, 8, 128, "group_offload", True),
        (LARGE, 8, 16, "disk_offload", True),
        (PAIR, 64, 128, "model_offload", False),
        (PAIR, 80, 32, "resident", False),
    ],
)
def test_the_table_of_decisions(need: Footprint, memory: int, ram: int, placement: str, tiled: bool) -> None:
    found = decided(need, "cuda", memory, ram)
    assert found is not None and (found.way.placement, found.way.tiled) == (placement, tiled)


def test_a_card_of_two_gigabytes_is_told_so() -> None:
    found = decided(LARGE, "cuda", 2, 64)
    assert found is not None and not found.fits and "does not suffice" in found.told
    assert decided(LARGE, "cuda", 1, 64) is None


def test_exact_weights_come_first_and_rounded_ones_only_where_nothing_else_fits() -> None:
    exact, rounded, four = (decided(LARGE, "cpu", memory, None) for memory in (64, 40, 27))
    assert exact is not None and exact.way.storage == "whole"
    assert rounded is not None and rounded.way.storage == "int8" and "8-bit" in rounded.told
    assert four is not None and four.way.storage == "int4"


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 60),
    st.integers(1, 60),
    st.integers(0, 40),
    st.integers(2, 100),
    st.integers(0, 20),
    st.integers(1, 200),
    st.booleans(),
)
def test_a_little_more_memory_never_hurts(
    text: int, denoiser: int, activations: int, memory: int, more: int, passes: int, may_round: bool
) -> None:
    need = Footprint(
        components={"text_encoder": text * GB, "transformer": denoiser * GB},
        activations=activations * GB,
        tiled_activations=activations * GB // 3,
        streamed=denoiser * GB // 20,
        flops=passes * 1e15,
    )
    less, later = (decided(need, "cuda", m, 64, may_round) for m in (memory, memory + more))
    if less is not None and less.fits:
        assert later is not None and later.fits and later.way.seconds <= less.way.seconds


def test_every_way_says_itself_in_words_and_goes_into_a_setup() -> None:
    found = ways(LARGE, 100, Machine(kind="cuda", flops=1e14, storages=ALL))
    assert len({way.told + str(way.pinned) for way in found}) == len(found)
    for way in found:
        setup = way.put_into(Setup(device="cuda:0", half=True))
        assert (setup.placement, setup.storage, setup.tiled) == (way.placement, way.storage, way.tiled)


def card(capability: float) -> DeviceFacts:
    return DeviceFacts(
        name="a card", kind="cuda", total_bytes=GB, free_bytes=GB, cores=4, half=capability >= 8, capability=capability
    )


@pytest.mark.parametrize(
    ("capability", "installed", "draft", "expected"),
    [
        (9.0, Installed(flash3=True, sage=True), False, "_flash_3"),
        (9.0, Installed(sage=True), False, "native"),  # it rounds to 8 bits: not in a final clip
        (8.9, Installed(sage=True), True, "sage"),
        (8.9, Installed(flash3=True), False, "native"),  # FlashAttention 3 is for Hopper
        (7.5, Installed(flash3=True, sage=True), True, "native"),
    ],
)
def test_attention_is_what_is_installed_and_exact(
    capability: float, installed: Installed, draft: bool, expected: str
) -> None:
    assert attention(card(capability), installed, draft) == expected


def test_weights_can_be_stored_as_the_device_and_the_packages_allow() -> None:
    assert storages(card(9.0), Installed()) == ("whole", "fp8")
    assert storages(card(9.0), Installed(torchao=True, quanto=True)) == ("whole", "int8", "fp8", "int4")
    assert storages(card(7.5), Installed()) == ("whole",)


def test_measured_speeds_go_before_assumed_ones() -> None:
    measured = machine_of(DeviceFacts(**{**vars(card(9.0)), "flops": 7e14, "link": 5e10}), Installed())
    assumed = machine_of(card(9.0), Installed())
    assert measured.flops > assumed.flops and measured.link == 5e10
