"""The named recipes of the few-step student: `cpu` (minutes on two cores), `full` (one CUDA GPU) and `ci` (seconds)."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from diffusers import FlowMatchEulerDiscreteScheduler

STEPS = 4


@dataclass(frozen=True, kw_only=True)
class Round:
    """Batches of the teacher's paths made first, then optimizer steps on these and on those of earlier rounds.

    The first round's paths start from noise and are the teacher's own; those of a later round start from the noise and
    go on from where the student of that moment arrives, so that it learns to mend what it does.
    """

    batches: int
    steps: int


@dataclass(frozen=True, kw_only=True)
class DistilRecipe:
    """How the student learns.

    shift, shift_terminal: its scheduler, whose sigmas bound the intervals that the student crosses in one step each.
    substeps: Euler steps of the guided teacher in each interval. rank: of the low-rank update of every linear layer.
    """

    name: str
    rounds: tuple[Round, ...]
    shift: float = 3.0
    shift_terminal: float = 0.3
    substeps: tuple[int, ...] = (2, 2, 3, 2)
    rank: int = 32
    learning_rate: float = 2e-3
    warmup_steps: int = 20
    ema_decay: float = 0.99
    checkpoint_every: int = 50

    @property
    def steps(self) -> int:
        """Optimizer steps of all rounds."""
        return sum(part.steps for part in self.rounds)

    def first_step(self, number: int) -> int:
        """The optimizer step at which a round begins."""
        return sum(part.steps for part in self.rounds[:number])

    def batches_until(self, number: int) -> int:
        """Batches of paths there are when a round's optimizer steps begin."""
        return sum(part.batches for part in self.rounds[: number + 1])


def build_scheduler(recipe: DistilRecipe) -> FlowMatchEulerDiscreteScheduler:
    """The stock scheduler of the student: its last sigma before zero is `shift_terminal`, so that no step is idle."""
    return FlowMatchEulerDiscreteScheduler(
        num_train_timesteps=1000, shift=recipe.shift, shift_terminal=recipe.shift_terminal
    )


def bounds(recipe: DistilRecipe) -> tuple[float, ...]:
    """The five noise levels from 1 to 0 between which the student steps, exactly as its scheduler gives them."""
    scheduler = build_scheduler(recipe)
    scheduler.set_timesteps(STEPS)
    return tuple(float(sigma) for sigma in scheduler.sigmas)


CPU = DistilRecipe(name="cpu", rounds=(Round(batches=24, steps=200), Round(batches=12, steps=120)))
FULL = DistilRecipe(
    name="full",
    rounds=(Round(batches=400, steps=8_000), *(Round(batches=200, steps=4_000) for _ in range(3))),
    substeps=(4, 5, 6, 5),
    rank=64,
    learning_rate=1e-3,
    warmup_steps=200,
    ema_decay=0.999,
    checkpoint_every=500,
)
CI = DistilRecipe(
    name="ci",
    rounds=(Round(batches=2, steps=6), Round(batches=1, steps=4)),
    substeps=(1, 1, 2, 1),
    rank=4,
    warmup_steps=2,
    checkpoint_every=3,
)

RECIPES: Mapping[str, DistilRecipe] = MappingProxyType({recipe.name: recipe for recipe in (CPU, FULL, CI)})
