"""The ladder: rung by rung, bounded, and with nothing of the failed attempt kept alive."""

from __future__ import annotations

import gc
import weakref

import pytest
import torch

from pipelines.domain.errors import DeviceLost, OutOfMemory, Stopped
from pipelines.families.family import Setup
from pipelines.models.device import Kind
from pipelines.models.ladder import RUNGS, Rung, climb, further
from pipelines.models.memory import is_out_of_memory
from pipelines.models.placement import Machine


class Attempts:
    """Fails with the given errors first, then succeeds."""

    def __init__(self, *errors: BaseException) -> None:
        self.errors = list(errors)
        self.steps: list[Rung] = []

    def run(self) -> str:
        if self.errors:
            raise self.errors.pop(0)
        return "frames"

    def step(self, rung: Rung) -> bool:
        self.steps.append(rung)
        return rung != "evict"


def explain(words: str) -> OutOfMemory:
    return OutOfMemory(f"It ran out: {words}", "Make it smaller.")


@pytest.mark.parametrize(
    ("failures", "rung", "steps"),
    [
        (0, "none", []),
        (1, "collect", ["collect"]),
        (2, "tile", ["collect", "evict", "tile"]),  # evict had nothing to drop and is passed over
        (3, "offload", ["collect", "evict", "tile", "offload"]),
    ],
)
def test_each_failure_climbs_one_rung_that_helps(failures: int, rung: Rung, steps: list[Rung]) -> None:
    attempts = Attempts(*[MemoryError() for _ in range(failures)])
    assert climb(attempts.run, attempts.step, explain) == ("frames", rung)
    assert attempts.steps == steps


def test_the_last_rung_fails_with_the_device_s_words() -> None:
    attempts = Attempts(*[MemoryError("17 bytes") for _ in range(9)])
    with pytest.raises(OutOfMemory, match="17 bytes"):
        climb(attempts.run, attempts.step, explain)
    assert attempts.steps == list(RUNGS)


@pytest.mark.parametrize("error", [Stopped("stop"), RuntimeError("shape mismatch"), KeyboardInterrupt()])
def test_other_errors_leave_at_once(error: BaseException) -> None:
    attempts = Attempts(error)
    with pytest.raises(type(error)):
        climb(attempts.run, attempts.step, explain)
    assert attempts.steps == []


def test_the_failed_attempt_is_released_before_a_rung_is_taken() -> None:
    class Big:
        pass

    seen: list[weakref.ref[Big]] = []
    alive: list[bool] = []

    def attempt() -> None:
        big = Big()
        seen.append(weakref.ref(big))
        raise MemoryError

    def step(rung: Rung) -> bool:
        gc.collect()
        alive.append(any(ref() is not None for ref in seen))
        return True

    with pytest.raises(OutOfMemory):
        climb(attempt, step, explain)
    assert alive == [False] * len(RUNGS)


def test_torch_s_own_words_for_too_much_memory_are_known() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60, dtype=torch.uint8)
    assert is_out_of_memory(caught.value)
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory."))
    assert is_out_of_memory(MemoryError())
    assert not is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    assert not is_out_of_memory(ValueError("DefaultCPUAllocator"))


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("cuda", ["tile", "offload", "stream"]),
        ("cpu", ["tile", "round"]),
        ("mps", ["tile"]),
    ],
)
def test_each_rung_is_leaner_than_the_one_before(kind: Kind, expected: list[str]) -> None:
    machine = Machine(kind=kind, flops=1e12, storages=("whole",) if kind == "mps" else ("whole", "fp8"))
    setup, taken = Setup(device=kind, half=True), []
    for rung in RUNGS:
        leaner = further(setup, rung, machine)
        if leaner is not None:
            assert leaner != setup
            setup, _ = leaner, taken.append(rung)
    assert taken == expected
    assert all(further(setup, rung, machine) is None for rung in RUNGS)


def test_the_words_of_every_library_that_gets_no_memory_are_known() -> None:
    for words in ("could not create a primitive", "CUDA error: out of memory", "[enforce fail] DefaultCPUAllocator"):
        assert is_out_of_memory(RuntimeError(words))
    assert not is_out_of_memory(ValueError("could not create a primitive"))


def test_a_card_that_was_unplugged_is_told_and_no_rung_is_taken() -> None:
    attempts = Attempts(RuntimeError("CUDA error: no CUDA-capable device is detected"))
    with pytest.raises(DeviceLost, match="does not answer"):
        climb(attempts.run, attempts.step, explain)
    assert attempts.steps == []
