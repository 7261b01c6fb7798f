"""The bounded answer to running out of memory: each rung frees more and costs more, and the last tells the truth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Literal, TypeVar

from pipelines.domain.errors import DeviceLost, OutOfMemory
from pipelines.families.family import Setup
from pipelines.models.memory import is_device_lost, is_out_of_memory
from pipelines.models.placement import Machine

Rung = Literal["none", "collect", "evict", "tile", "offload", "stream", "round"]
RUNGS: tuple[Rung, ...] = ("collect", "evict", "tile", "offload", "stream", "round")
T = TypeVar("T")


def climb(
    attempt: Callable[[], T], step: Callable[[Rung], bool], explain: Callable[[str], OutOfMemory]
) -> tuple[T, Rung]:
    """Run `attempt`; after each out-of-memory take the next rung and run it again. Returns its result and the rung.

    step: does what a rung says and returns whether it changed anything (a rung that cannot help is passed over).
    explain: makes the error of the last failure from the device's own words. Other errors pass through at once.
    Rungs run outside the `except` block, since a live exception holds the tensors of its frames.
    """
    rung: Rung = "none"
    left = iter(RUNGS)
    while True:
        words = _try(attempt)
        if not isinstance(words, str):
            return words[0], rung
        rung = next((r for r in left if step(r)), "none")
        if rung == "none":
            raise explain(words)


def further(setup: Setup, rung: Rung, machine: Machine) -> Setup | None:
    """The setup one rung leaner, None where the rung changes nothing on this machine.

    Rounding comes last, since it alone changes the frames; parts that stream or wait in main memory gain nothing by it.
    """
    if rung == "tile" and not setup.tiled:
        return replace(setup, tiled=True)
    if rung == "offload" and machine.kind == "cuda" and setup.placement == "resident":
        return replace(setup, placement="model_offload")
    if rung == "stream" and machine.kind == "cuda" and setup.placement in ("resident", "model_offload"):
        return replace(setup, placement="group_offload", pinned=False, compiled=False)
    if rung == "round" and machine.kind != "cuda" and setup.storage == "whole" and "fp8" in machine.storages:
        return replace(setup, storage="fp8")
    return None


def _try(attempt: Callable[[], T]) -> tuple[T] | str:
    """The result in a tuple, or the words of an out-of-memory error; nothing of the error itself is kept."""
    try:
        return (attempt(),)
    except (MemoryError, RuntimeError) as error:
        if is_device_lost(error):
            message = "The graphics card does not answer any more: it was unplugged or reset, or its driver failed."
            raise DeviceLost(message, "Look at the card and its driver; then start the job again.") from error
        if not is_out_of_memory(error):
            raise
        return str(error)[:300] or "out of memory"
