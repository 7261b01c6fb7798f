"""A process beside the window: it answers, tells what goes wrong, is started again, and ends when told."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import psutil
import pytest

from pipelines.domain.errors import MediaError, WorkerDied
from studio.camera.beside import Beside


def double(number: int) -> int:
    return 2 * number


def refuse() -> None:
    raise MediaError("It is no picture.", "Choose another.")


def die() -> None:
    os._exit(3)


def unpicklable() -> object:
    return lambda: None


def gone(pid: int, seconds: float = 30) -> None:
    """Wait until a process is no more; whose child it was may still have to notice."""
    deadline = time.monotonic() + seconds
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, "it is still there"
        time.sleep(0.02)


@pytest.fixture
def beside() -> Iterator[Beside]:
    one = Beside("tested")
    yield one
    one.close()


def test_questions_are_answered_in_another_process_that_stays(beside: Beside) -> None:
    assert beside.ask(double, 21).result(60) == 42
    first = beside.ask(os.getpid).result(60)
    assert first == beside.ask(os.getpid).result(60) != os.getpid()


def test_an_error_comes_back_as_it_was_told_and_the_process_lives_on(beside: Beside) -> None:
    with pytest.raises(MediaError) as told:
        beside.ask(refuse).result(60)
    assert (told.value.message, told.value.hint) == ("It is no picture.", "Choose another.")
    with pytest.raises(RuntimeError, match="pickle"):
        beside.ask(unpicklable).result(60)
    assert beside.ask(double, 1).result(60) == 2


def test_a_process_that_dies_is_told_and_started_again(beside: Beside) -> None:
    with pytest.raises(WorkerDied):
        beside.ask(die).result(60)
    assert beside.ask(double, 2).result(60) == 4


def test_a_process_at_rest_gives_its_memory_back_and_comes_again() -> None:
    beside = Beside("resting", kept_seconds=0.2)
    gone(beside.ask(os.getpid).result(60))
    assert beside.ask(double, 3).result(60) == 6
    beside.close()


def test_closing_ends_the_process_and_refuses_what_comes_later(beside: Beside) -> None:
    pid = beside.ask(os.getpid).result(60)
    beside.close()
    gone(pid)
    assert beside.ask(double, 1).cancelled()
