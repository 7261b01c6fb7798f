"""Train the few-step student: a low-rank update (LoRA) of the base whose four steps replace the guided teacher's many.

    python -m pipelines.toybox.distil --recipe cpu --run RUN --base assets/models/toybox

Reads RUN/latents and the exported base, keeps everything in RUN/distil/<fingerprint of the base's weights>, and resumes
from there. Loss: squared error of the student's velocity to the mean velocity of the guided teacher across each of the
four intervals (see `distil_teacher`). Conditioning comes from the same mixture as the base's training.
"""

import argparse
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import WanVACETransformer3DModel
from peft import LoraConfig
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from pipelines.toybox.checkpoint import Average, StopFlag, TrainingState, rate_share
from pipelines.toybox.distil_recipes import RECIPES, DistilRecipe, bounds
from pipelines.toybox.distil_teacher import Base, Paths, Teacher, velocity
from pipelines.toybox.loop import Plan, train_steps
from pipelines.toybox.recipes import RECIPES as BASE_RECIPES
from pipelines.toybox.recipes import Recipe
from pipelines.toybox.train_transformer import LatentSource, TransformerRun

Student = TrainingState[torch.optim.AdamW]


@dataclass(frozen=True)
class DistilRun:
    """Where a run reads and writes, and when it stops early (None: at the recipe's last step)."""

    base_recipe: Recipe
    recipe: DistilRecipe
    folder: Path
    base: Path
    device: str = "cpu"
    stop_at: int | None = None

    def home(self, base: Base) -> Path:
        """What belongs to these weights of the base; other weights have another folder."""
        return self.folder / "distil" / base.fingerprint()


def add_adapter(model: WanVACETransformer3DModel, recipe: DistilRecipe) -> list[nn.Parameter]:
    """Put a fresh low-rank update on every linear layer; returns its parameters, in float32."""
    layers = [name for name, module in model.named_modules() if isinstance(module, nn.Linear)]
    model.add_adapter(LoraConfig(r=recipe.rank, lora_alpha=recipe.rank, target_modules=layers))
    parameters = [parameter for name, parameter in model.named_parameters() if ".lora_" in name]
    for parameter in parameters:
        parameter.data = parameter.data.float()
        parameter.requires_grad_(True)
    return parameters


def begin(run: DistilRun, base: Base) -> Student:
    """The state of a run: what was saved, or a fresh student that equals the base."""
    torch.manual_seed(run.base_recipe.seed)
    model = base.transformer()
    parameters = add_adapter(model, run.recipe)
    optimizer = torch.optim.AdamW(parameters, lr=run.recipe.learning_rate, betas=(0.9, 0.99), weight_decay=0.0)
    state = TrainingState(model, optimizer, Average(parameters, run.recipe.ema_decay))
    state.load(run.home(base) / "state.pt")
    return state


def distil_loss(model: WanVACETransformer3DModel, paths: Paths, chosen: Tensor, levels: Tensor) -> Tensor:
    """Mean squared error at one chosen interval (B,) of each path; levels (5,) are the intervals' bounds."""
    rows = torch.arange(len(chosen))
    device = levels.device
    starts = paths.starts[chosen, rows].to(device).float()
    wanted = paths.velocities[chosen, rows].to(device).float()
    # On a CPU plain attention over 80 tokens takes less time than the fused kernel's backward pass.
    kernel = sdpa_kernel(SDPBackend.MATH) if device.type == "cpu" else nullcontext()
    with kernel:
        states, control = paths.states.to(device).float(), paths.control.to(device).float()
        told = velocity(model, starts, levels[chosen.to(device)], states, control)
    return F.mse_loss(told, wanted)


def distil_step(state: Student, run: DistilRun, paths: Paths, levels: Tensor) -> float:
    """One optimizer step on one batch of paths; returns the loss."""
    recipe = run.recipe
    rng = np.random.default_rng([run.base_recipe.seed, 8, state.step])
    chosen = torch.from_numpy(rng.integers(len(levels) - 1, size=paths.starts.shape[1]))
    share = rate_share(state.step, warmup=recipe.warmup_steps, steps=recipe.steps)
    for group in state.optimizer.param_groups:
        group["lr"] = recipe.learning_rate * share
    loss = distil_loss(state.model, paths, chosen, levels)
    state.optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(state.average.live, 1.0)
    state.optimizer.step()
    state.step += 1
    state.average.update(state.step)
    return float(loss.detach())


class Course:
    """A run under way: makes each round's paths, then trains on all there are."""

    def __init__(self, run: DistilRun) -> None:
        self.run = run
        self.base = Base(run.base, run.base_recipe, run.device)
        self.home = run.home(self.base)
        self.state = begin(run, self.base)
        self.source = LatentSource(TransformerRun(run.base_recipe, run.folder, run.device))
        self.teacher = Teacher(self.base, self.base.transformer(), run.recipe)
        self.levels = torch.tensor(bounds(run.recipe), device=run.device)

    def path(self, number: int) -> Path:
        """Where a batch of paths is kept."""
        return self.home / "paths" / f"{number:05d}.pt"

    def prepare(self, number: int) -> bool:
        """Make the paths that a round adds, with the student of its beginning; False when asked to stop meanwhile."""
        with StopFlag() as stop:
            for index in range(self.run.recipe.batches_until(number)):
                if not stop.raised and not self.path(index).exists():
                    self._make(index, number)
        return not stop.raised

    def _make(self, index: int, number: int) -> None:
        begun = time.perf_counter()
        self.state.average.swap()
        student = self.state.model if number else None
        self.teacher.paths(self.source.batch(index), index, student).save(self.path(index))
        self.state.average.swap()
        self.state.seconds += time.perf_counter() - begun
        print(f"paths {index} {time.perf_counter() - begun:.1f}s", flush=True)

    def practise(self, number: int) -> bool:
        """Go through a round's optimizer steps, or their rest; False when asked to stop meanwhile."""
        recipe, state = self.run.recipe, self.state
        last = min(recipe.first_step(number + 1), self.run.stop_at or recipe.steps)
        available = recipe.batches_until(number)

        def step() -> float:
            rng = np.random.default_rng([self.run.base_recipe.seed, 7, state.step])
            paths = Paths.load(self.path(int(rng.integers(available))))
            return distil_step(state, self.run, paths, self.levels)

        train_steps(state, Plan("student", last, self.home, recipe.checkpoint_every), step)
        return state.step == last


def train(run: DistilRun) -> Student:
    """Train until the last step, the early stop or SIGTERM; the state is saved in every case."""
    course = Course(run)
    last = min(run.recipe.steps, run.stop_at or run.recipe.steps)
    for number in range(len(run.recipe.rounds)):
        due = run.recipe.first_step(number) <= course.state.step < min(run.recipe.first_step(number + 1), last)
        if due and not (course.prepare(number) and course.practise(number)):
            break
    return course.state


def main(arguments: Sequence[str] | None = None) -> None:
    """Train to the recipe's last step."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recipe", choices=sorted(RECIPES), default="cpu")
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--base", type=Path, required=True)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--stop-at", type=int)
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    named = options.recipe
    train(DistilRun(BASE_RECIPES[named], RECIPES[named], options.run, options.base, options.device, options.stop_at))


if __name__ == "__main__":
    main()
