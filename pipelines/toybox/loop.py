"""The loop that every training stage runs: steps until the last one, told, plotted and saved on the way."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.toybox.checkpoint import StopFlag, TrainingState
from pipelines.toybox.report import loss_plot

TELL_EVERY = 20
RECENT = 100


@dataclass(frozen=True)
class Plan:
    """A stage's name, the step it ends at, and the folder of its `state.pt` and `loss.png`.

    checkpoint_every: after how many steps these are written. leads: whether this process tells and saves.
    """

    title: str
    last: int
    folder: Path
    checkpoint_every: int
    leads: bool = True

    @property
    def state_path(self) -> Path:
        """The resumable state."""
        return self.folder / "state.pt"


def nothing() -> None:
    """A checkpoint at which a stage has nothing of its own to do."""


def train_steps(
    state: TrainingState[Any],
    plan: Plan,
    step: Callable[[], float],
    *,
    at_checkpoint: Callable[[], None] = nothing,
    agree: Callable[[bool], bool] = bool,
) -> None:
    """Train until the plan's last step, SIGTERM or SIGINT; the state is saved in every case.

    step: makes one optimizer step, counts it in `state.step`, and gives the loss. agree: whether to stop, given whether
    this process was asked to (several processes stop together).
    """
    with StopFlag() as stop:
        while state.step < plan.last and not agree(stop.raised):
            begun = time.perf_counter()
            loss = step()
            state.seconds += time.perf_counter() - begun
            state.losses.append((state.step, loss))
            if state.step % TELL_EVERY == 0 and plan.leads:
                _tell(state, plan)
            if state.step % plan.checkpoint_every == 0:
                at_checkpoint()
                _keep(state, plan)
    _keep(state, plan)


def _tell(state: TrainingState[Any], plan: Plan) -> None:
    recent = float(np.mean([loss for _, loss in state.losses[-RECENT:]]))
    print(f"{plan.title} {state.step}/{plan.last} loss {recent:.4f} {state.seconds:.0f}s", flush=True)


def _keep(state: TrainingState[Any], plan: Plan) -> None:
    if plan.leads:
        state.save(plan.state_path)
        loss_plot(state.losses, plan.folder / "loss.png")
