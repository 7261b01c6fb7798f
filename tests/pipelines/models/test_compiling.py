"""When blocks are compiled: where it pays by what was measured here, and never where they change with the clip."""

from __future__ import annotations

import shutil
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipelines.domain.request import GenerationRequest
from pipelines.families.family import Progress, Setup
from pipelines.models.catalog import Catalog
from pipelines.models.compiling import Compilations, Seen, can_compile, pays, shape_of
from pipelines.models.device import DeviceFacts, measure
from pipelines.models.installed import Installed
from pipelines.models.manager import Belongings, ModelManager
from pipelines.models.memory import MainMemory
from pipelines.models.placement import Machine
from tests.pipelines.conftest import smallest_request

CUDA = Machine(kind="cuda", flops=1e14)
SETUP = Setup(device="cuda:0", half=True)
TRITON = Installed(triton=True)


class Roomy(MainMemory):
    """Main memory without a limit on the process: the compiler runs in it, as it does not on a card."""

    def __init__(self, device: DeviceFacts) -> None:
        super().__init__(mps=device.kind == "mps")

    def limited(self, allowance: int) -> AbstractContextManager[None]:
        return nullcontext()


def quiet(progress: Progress) -> None:
    pass


@pytest.mark.parametrize(
    ("seen", "steps", "step_seconds", "is_ready", "expected"),
    [
        (Seen(), 50, 20.0, False, True),  # 50 x 3 s saved by assumption, over 90 s
        (Seen(), 50, 2.0, False, False),
        (Seen(), 50, 2.0, True, True),  # compiled before, so it costs nothing
        (Seen(cost=10.0), 50, 2.0, False, True),  # quick on this machine
        (Seen(plain=2.0, compiled=2.1, cost=1.0), 500, 9.0, True, False),  # measured: it gains nothing
        (Seen(plain=2.0, compiled=1.5, cost=20.0), 50, 0.0, False, True),
        (Seen(plain=2.0, compiled=1.5, cost=30.0), 50, 0.0, False, False),
    ],
)
def test_compiling_is_done_where_it_pays(
    seen: Seen, steps: int, step_seconds: float, is_ready: bool, expected: bool
) -> None:
    assert pays(seen, steps, step_seconds, is_ready) is expected


def test_nothing_is_compiled_that_changes_from_clip_to_clip_or_where_no_compiler_is(
    tiny_request: GenerationRequest,
) -> None:
    assert can_compile(tiny_request, SETUP, CUDA, TRITON)
    assert not can_compile(replace(tiny_request, draft=True), SETUP, CUDA, TRITON)
    assert not can_compile(tiny_request, replace(SETUP, placement="group_offload"), CUDA, TRITON)
    assert not can_compile(tiny_request, replace(SETUP, storage="fp8"), CUDA, TRITON)
    assert not can_compile(tiny_request, SETUP, CUDA, Installed())
    assert not can_compile(tiny_request, SETUP, replace(CUDA, kind="cpu"), TRITON)


def test_what_compiling_cost_is_remembered_for_the_shape_it_was_measured_on(
    tiny_request: GenerationRequest, tmp_path: Path
) -> None:
    shape, other = shape_of(tiny_request, "a card"), shape_of(replace(tiny_request, width=96), "a card")
    known = Compilations(tmp_path)
    assert not known.wanted(shape, 50, 2.0)
    known.note(shape, False, [0.0, 2.5, 4.5, 6.5, 8.5])
    known.note(shape, True, [0.0, 9.0, 10.0, 11.0, 12.0])  # 8 s to compile, 1 s a step saved
    assert known.wanted(shape, 1, 2.0) and not known.wanted(other, 50, 2.0)
    again = Compilations(tmp_path)
    assert again.wanted(shape, 9, 2.0) and not again.wanted(shape, 7, 2.0)
    known.forget()
    assert not known.wanted(shape, 7, 2.0)
    (tmp_path / "compiling.json").write_text('{"a": {"plain": "x"}}')
    assert not Compilations(tmp_path).wanted(shape, 50, 2.0)


@pytest.mark.checkpoints  # the compiler takes its time
@pytest.mark.skipif(shutil.which("g++") is None, reason="there is no C++ compiler")
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_a_clip_of_compiled_blocks_differs_by_rounding_alone_and_says_so(tiny_folder: Path, tmp_path: Path) -> None:
    device, own = measure(), Belongings(measured=tmp_path)
    manager = ModelManager(Catalog(tmp_path, [tiny_folder]), device, memory=Roomy(device), own=own)
    card = manager.catalog.cards()[0]
    request = smallest_request(card, steps=5)

    def made() -> tuple[np.ndarray, bool, str]:
        with manager.use(card.id, request, quiet) as model:
            frames = model.generate(request, {}, quiet)
        run = manager.last_run
        assert run is not None
        return frames.pixels.astype(float), run.compiled, run.why

    plain, was_compiled, _ = made()
    assert not was_compiled
    # A processor stands in for the card: the same compiler, the same calls, other code at the end.
    manager.machine, manager.installed = replace(manager.machine, kind="cuda"), TRITON
    manager.compilations.note(shape_of(request, manager.device.name), True, [0.0, 1.0, 1.0, 1.0, 1.0])
    compiled, was_compiled, why = made()
    assert was_compiled and "compiled" in why
    assert np.abs(compiled - plain).mean() < 1.0
    manager.machine = replace(manager.machine, kind="cpu")
    again, was_compiled, _ = made()
    assert not was_compiled and np.array_equal(again, plain)
