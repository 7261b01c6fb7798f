"""Estimates grow with the work and learn from this machine's own runs; devices are measured as they are."""

from __future__ import annotations

import dataclasses

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.domain.request import GenerationRequest
from pipelines.families import family_named
from pipelines.families.family import ModelCard
from pipelines.models.device import DeviceFacts, cpu_facts, measure, measure_without_torch
from pipelines.models.estimate import PastRun, Stored, estimate, footprint_on

CPU = DeviceFacts(name="a CPU", kind="cpu", total_bytes=10**10, free_bytes=10**10, cores=2, half=True)
SLOW = dataclasses.replace(CPU, half=False)


@pytest.mark.parametrize("more", [{"steps": 4}, {"num_frames": 9}, {"width": 96}, {"guidance": 3.0, "steps": 8}])
def test_more_work_takes_longer(tiny_card: ModelCard, tiny_request: GenerationRequest, more: dict[str, int]) -> None:
    small = dataclasses.replace(tiny_request, guidance=1.0)
    large = dataclasses.replace(small, **more)  # type: ignore[arg-type]
    assert estimate(tiny_card, large, CPU).seconds > estimate(tiny_card, small, CPU).seconds


def test_without_fast_half_precision_everything_is_twice_as_large(
    tiny_card: ModelCard, tiny_request: GenerationRequest
) -> None:
    half, full = (footprint_on(tiny_card, tiny_request, device) for device in (CPU, SLOW))
    assert full.weights == 2 * half.weights and full.activations == 2 * half.activations
    assert full.flops == half.flops


def test_the_weights_are_counted_exactly(tiny_card: ModelCard, tiny_request: GenerationRequest) -> None:
    weights = tiny_card.settings["checkpoint"].weights
    footprint = family_named("wan").footprint(tiny_card, tiny_request)
    assert footprint.weights == 2 * sum(component.parameters for component in weights.values())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seconds=st.floats(0.01, 1e4))
def test_a_past_run_of_the_same_request_is_believed(
    tiny_card: ModelCard, tiny_request: GenerationRequest, seconds: float
) -> None:
    flops = footprint_on(tiny_card, tiny_request, CPU).flops
    history = [PastRun(model=tiny_card.id, flops=flops, seconds=seconds, peak_bytes=1)]
    learned = estimate(tiny_card, tiny_request, CPU, history)
    assert learned.learned and learned.seconds == pytest.approx(seconds)


def test_runs_of_other_models_teach_nothing(tiny_card: ModelCard, tiny_request: GenerationRequest) -> None:
    other = [PastRun(model="other", flops=1.0, seconds=1e6, peak_bytes=1)]
    assert estimate(tiny_card, tiny_request, CPU, other) == estimate(tiny_card, tiny_request, CPU)


def test_one_slow_run_does_not_spoil_the_estimate(tiny_card: ModelCard, tiny_request: GenerationRequest) -> None:
    flops = footprint_on(tiny_card, tiny_request, CPU).flops
    times = [2.0, 2.1, 1.9, 2.0, 300.0]
    runs = [PastRun(model=tiny_card.id, flops=flops, seconds=t, peak_bytes=1) for t in times]
    assert estimate(tiny_card, tiny_request, CPU, runs).seconds == pytest.approx(2.0)


def test_this_machine_is_measured_alike_with_and_without_torch() -> None:
    bare, full = measure_without_torch(), measure()
    assert (bare.kind, bare.cores, bare.half) == (full.kind, full.cores, full.half)
    assert 0 < bare.free_bytes <= bare.total_bytes


def test_main_memory_is_within_the_machine_s() -> None:
    facts = cpu_facts()
    assert facts.total_bytes <= psutil.virtual_memory().total
    assert facts.cores >= 1 and facts.name


def test_the_memory_of_a_run_just_like_it_is_believed(tiny_card: ModelCard, tiny_request: GenerationRequest) -> None:
    flops = footprint_on(tiny_card, tiny_request, CPU).flops
    runs = [PastRun(model=tiny_card.id, flops=flops * f, seconds=1.0, peak_bytes=b) for f, b in ((1, 777), (9, 999))]
    assert estimate(tiny_card, tiny_request, CPU, runs).device_bytes == 777
    assert estimate(tiny_card, tiny_request, CPU).device_bytes > 400 * 10**6


def test_the_file_of_a_clip_is_estimated_from_those_that_were_stored(
    tiny_card: ModelCard, tiny_request: GenerationRequest
) -> None:
    pixels = tiny_request.width * tiny_request.height * tiny_request.num_frames
    assert 0 < estimate(tiny_card, tiny_request, CPU).disk_bytes < 3 * pixels
    stored = [Stored(pixels=1000, file_bytes=size) for size in (50, 60, 900)]
    assert estimate(tiny_card, tiny_request, CPU, (), stored).disk_bytes == int(pixels * 0.06)


def test_a_draft_is_expected_to_be_quicker(tiny_card: ModelCard, tiny_request: GenerationRequest) -> None:
    draft = dataclasses.replace(tiny_request, draft=True)
    flops = footprint_on(tiny_card, tiny_request, CPU).flops
    history = [PastRun(model=tiny_card.id, flops=flops, seconds=10.0, peak_bytes=1)]
    for runs in ([], history):
        final, quick = (estimate(tiny_card, request, CPU, runs).seconds for request in (tiny_request, draft))
        assert quick < final


def test_what_a_small_card_holds_is_estimated_as_it_will_be_placed(
    tiny_card: ModelCard, tiny_request: GenerationRequest
) -> None:
    need = footprint_on(tiny_card, tiny_request, CPU)
    card = dataclasses.replace(CPU, kind="cuda", total_bytes=10**10)
    small = dataclasses.replace(card, total_bytes=int((need.weights + need.activations) * 0.8))
    whole, part = (estimate(tiny_card, tiny_request, device) for device in (card, small))
    assert part.device_bytes < whole.device_bytes and part.seconds >= whole.seconds
    assert "all weights stay" in whole.told and part.told and "all weights stay" not in part.told
