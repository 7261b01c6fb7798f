"""Training state on disk: written atomically, read back exactly, saved once more when the process is asked to stop."""

import math
import os
import signal
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, Generic, Protocol, TypeVar

import torch
from torch import nn


class Optimizer(Protocol):
    """What a training state asks of an optimizer."""

    def state_dict(self) -> dict[str, Any]:
        """Everything a later `load_state_dict` needs."""

    def load_state_dict(self, state: dict[str, Any], /) -> None:
        """Take up a saved state."""


class StopFlag:
    """Raised once SIGTERM or SIGINT came: the loop then saves after its current step and returns.

    A context manager: the handlers that were there before come back at its end. Main thread only.
    """

    def __init__(self) -> None:
        self.raised = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "StopFlag":
        for number in (signal.SIGTERM, signal.SIGINT):
            self._before[number] = signal.signal(number, self._raise)
        return self

    def __exit__(self, *unused: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _raise(self, number: int, frame: FrameType | None) -> None:
        self.raised = True


class Average:
    """Exponential moving average of parameters; the decay grows with the step so that early weights fade fast."""

    def __init__(self, parameters: Iterable[nn.Parameter], decay: float) -> None:
        self.live = list(parameters)
        self.shadow = [parameter.detach().clone() for parameter in self.live]
        self.decay = decay

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Move the average towards the live parameters after `step` (counted from 1)."""
        decay = min(self.decay, (1.0 + step) / (10.0 + step))
        torch._foreach_lerp_(self.shadow, [parameter.detach() for parameter in self.live], 1.0 - decay)

    @torch.no_grad()
    def swap(self) -> None:
        """Exchange the live parameters and the average; twice gives back what was there."""
        for live, shadow in zip(self.live, self.shadow, strict=True):
            kept = live.detach().clone()
            live.copy_(shadow)
            shadow.copy_(kept)


Chosen = TypeVar("Chosen", bound=Optimizer)


@dataclass
class TrainingState(Generic[Chosen]):
    """What a run needs to go on as if it had never stopped; batches follow from the seed and the step alone."""

    model: nn.Module
    optimizer: Chosen
    average: Average
    step: int = 0
    losses: list[tuple[int, float]] = field(default_factory=list)
    seconds: float = 0.0

    def save(self, path: Path) -> None:
        """Write the state beside `path` and rename it over, so that a crash leaves the old or the new file whole."""
        path.parent.mkdir(parents=True, exist_ok=True)
        waiting = path.with_suffix(".part")
        with waiting.open("wb") as stream:
            torch.save(self._record(), stream)
            stream.flush()
            os.fsync(stream.fileno())
        waiting.replace(path)

    def load(self, path: Path) -> bool:
        """Take up the state at `path`; False where there is none."""
        if not path.exists():
            return False
        record = torch.load(path, map_location="cpu", weights_only=True)
        self.model.load_state_dict(record["model"])
        self.optimizer.load_state_dict(record["optimizer"])
        for shadow, saved in zip(self.average.shadow, record["average"], strict=True):
            shadow.copy_(saved)
        self.step, self.seconds = record["step"], record["seconds"]
        self.losses = [(int(step), float(loss)) for step, loss in record["losses"]]
        return True

    def _record(self) -> dict[str, Any]:
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "average": self.average.shadow,
            "step": self.step,
            "losses": self.losses,
            "seconds": self.seconds,
        }


def rate_share(step: int, *, warmup: int, steps: int) -> float:
    """The learning rate as a share of its peak: linear warm-up, then a cosine down to 1 % at the last step."""
    if step < warmup:
        return (step + 1) / warmup
    progress = min(1.0, (step - warmup) / max(1, steps - warmup))
    return 0.01 + 0.99 * 0.5 * (1.0 + math.cos(math.pi * progress))
