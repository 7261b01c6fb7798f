"""Which checkpoint is best, and when a training goes wrong: pure arithmetic over what was measured."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

OVERFIT = 1.1
FORGETS = 0.5
FORGETTING = 0.5
NEAR = 0.05
"""Scores that close are the same one: clips with another seed differ by as much."""
_RECENT = 20


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """What was measured at a step.

    held_out: the loss on pictures that are not trained on. drift: how far the class has moved, as a share of its own
    loss (0 = not at all). samples: names of clips beside it; alike: how alike their subject is to that of the pictures,
    0..1, None without samples.
    """

    step: int
    digest: str
    held_out: float
    drift: float
    samples: tuple[str, ...] = ()
    alike: float | None = None


def likeness(checkpoint: Checkpoint, first: Checkpoint) -> float:
    """How alike its samples are to the pictures; without samples, how much of the loss on unseen pictures is gone."""
    if checkpoint.alike is not None:
        return checkpoint.alike
    return 1.0 - checkpoint.held_out / max(first.held_out, 1e-9)


def score(checkpoint: Checkpoint, first: Checkpoint) -> float:
    """Likeness less what the model has forgotten of the class (and with it of following prompts)."""
    return likeness(checkpoint, first) - FORGETTING * checkpoint.drift


def best(checkpoints: Sequence[Checkpoint]) -> int:
    """The step of the last checkpoint whose score is near the best one's; 0 where there is none.

    What is learned last is fine detail, which the score does not see, so that the later of near ones is the better one.
    The first is there to compare with: before the training no checkpoint knows the subject.
    """
    ordered = sorted(checkpoints, key=lambda c: c.step)
    scores = {c.step: score(c, ordered[0]) for c in ordered if c.step > 0}
    return max((step for step, found in scores.items() if found >= max(scores.values()) - NEAR), default=0)


def warnings_of(checkpoints: Sequence[Checkpoint], losses: Sequence[float]) -> Iterable[str]:
    """What a person should know while it trains, in plain words."""
    ordered = sorted(checkpoints, key=lambda c: c.step)
    if len(ordered) < 2:
        return
    last, least = ordered[-1], min(ordered, key=lambda c: c.held_out)
    falls = len(losses) > 2 * _RECENT and _mean(losses[-_RECENT:]) < _mean(losses[:_RECENT])
    if last.held_out > OVERFIT * least.held_out and falls:
        yield (
            f"It learns the pictures by heart: on pictures it does not train on it was best at step {least.step}. "
            "Stop it, or add more and more different pictures."
        )
    if last.drift > FORGETS:
        yield (
            "It forgets what the class looked like without the token. "
            "Raise the prior weight or lower the rate; an earlier checkpoint may be the better one."
        )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / max(1, len(values))
