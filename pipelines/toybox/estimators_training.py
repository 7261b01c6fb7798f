"""The loop that trains an estimator: resumable, one loss, one folder; what differs is handed in as a `Lesson`."""

import argparse
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from pipelines.toybox.checkpoint import Average, TrainingState, rate_share
from pipelines.toybox.estimators_recipes import DepthRecipe, PoseRecipe, Schedule
from pipelines.toybox.loop import Plan, train_steps
from pipelines.toybox.optimizers import ConvolutionMuon, TwoOptimizers


class EstimatorOptimizer(TwoOptimizers):
    """Muon for the hidden matrices and kernels beside AdamW for everything else, behind one optimizer's face."""

    def __init__(self, model: nn.Module, schedule: Schedule) -> None:
        layers = [layer for layer in model.modules() if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d)]
        # The first layer reads pixels and the last one writes the answer: both keep steps of their own size.
        hidden = [layer.weight for layer in layers[1:-1] if layer.weight.shape[0] > 1]
        known = {id(weight) for weight in hidden}
        others = [weight for weight in model.parameters() if id(weight) not in known]
        super().__init__(
            ConvolutionMuon(hidden, lr=schedule.muon_rate),
            torch.optim.AdamW(others, lr=schedule.learning_rate, betas=(0.9, 0.99), weight_decay=0.0),
        )


@dataclass(frozen=True)
class Lesson:
    """What is learnt: the model, and its loss at a step as a function of that model, the step and the device."""

    name: str
    schedule: Schedule
    build: Callable[[], PreTrainedModel]
    loss: Callable[[nn.Module, int, str], Tensor]


@dataclass(frozen=True)
class EstimatorRun:
    """Where a run reads and writes, and when it stops early (None: at the last step)."""

    folder: Path
    device: str = "cpu"
    stop_at: int | None = None

    @property
    def clips(self) -> Path:
        """The shards that are learnt from."""
        return self.folder / "clips"

    def own(self, name: str) -> Path:
        """The folder of one lesson's state and report."""
        return self.folder / name


Recipe = TypeVar("Recipe", DepthRecipe, PoseRecipe)


@dataclass(frozen=True)
class Course(Generic[Recipe]):
    """A stage's command: its named recipes, its lesson, and what its processor's file says."""

    title: str
    recipes: Mapping[str, Recipe]
    lesson: Callable[[Recipe, EstimatorRun], Lesson]
    processor: Callable[[Recipe], dict[str, object]]

    def run(self, arguments: Sequence[str] | None) -> None:
        """Train, and write the folder when the last step is done (or with --finish at once)."""
        parser = argparse.ArgumentParser(description=self.title)
        parser.add_argument("--recipe", choices=sorted(self.recipes), default="cpu")
        parser.add_argument("--run", type=Path, required=True)
        parser.add_argument("--target", type=Path, help="also copy the finished folder's files here")
        parser.add_argument("--device", default="cpu")
        parser.add_argument("--threads", type=int, default=1)
        parser.add_argument("--stop-at", type=int)
        parser.add_argument("--finish", action="store_true", help="write the folder even before the last step")
        options = parser.parse_args(arguments)
        torch.set_num_threads(options.threads)
        recipe, run = self.recipes[options.recipe], EstimatorRun(options.run, options.device, options.stop_at)
        lesson = self.lesson(recipe, run)
        state = train(lesson, run)
        if options.finish or state.step >= recipe.schedule.steps:
            made = write_folder(lesson, run, state, self.processor(recipe))
            if options.target:
                shutil.copytree(made, options.target, dirs_exist_ok=True)


def begin(lesson: Lesson, run: EstimatorRun) -> TrainingState[EstimatorOptimizer]:
    """The state of a run: what was saved, or a fresh model."""
    torch.manual_seed(lesson.schedule.seed)
    model = lesson.build().to(run.device, memory_format=torch.channels_last).train()
    average = Average(model.parameters(), lesson.schedule.ema_decay)
    state = TrainingState(model, EstimatorOptimizer(model, lesson.schedule), average)
    state.load(run.own(lesson.name) / "state.pt")
    return state


def train(lesson: Lesson, run: EstimatorRun) -> TrainingState[EstimatorOptimizer]:
    """Train until the last step, the early stop or SIGTERM; the state is saved in every case."""
    state, schedule = begin(lesson, run), lesson.schedule
    last = min(schedule.steps, run.stop_at or schedule.steps)
    plan = Plan(lesson.name, last, run.own(lesson.name), schedule.checkpoint_every)
    train_steps(state, plan, lambda: one_step(state, lesson, run.device))
    return state


def one_step(state: TrainingState[EstimatorOptimizer], lesson: Lesson, device: str) -> float:
    """One optimizer step; returns the loss."""
    schedule = lesson.schedule
    state.optimizer.set_share(rate_share(state.step, warmup=schedule.warmup_steps, steps=schedule.steps))
    loss = lesson.loss(state.model, state.step, device)
    state.optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(state.model.parameters(), 1.0)
    state.optimizer.step()
    state.step += 1
    state.average.update(state.step)
    return float(loss.detach())


@torch.no_grad()
def write_folder(
    lesson: Lesson, run: EstimatorRun, state: TrainingState[EstimatorOptimizer], processor: dict[str, Any]
) -> Path:
    """The averaged model as a stock transformers folder RUN/NAME/model: bfloat16 on disk, float32 once loaded."""
    target = run.own(lesson.name) / "model"
    model = lesson.build()
    model.load_state_dict(state.model.state_dict())
    for parameter, averaged in zip(model.parameters(), state.average.shadow, strict=True):
        parameter.copy_(averaged)
    model.to(torch.bfloat16).save_pretrained(target)
    config = json.loads((target / "config.json").read_text())
    # Stock loading takes the type that the config names, and stock processors hand over float32.
    _set_dtype(config)
    (target / "config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
    (target / "preprocessor_config.json").write_text(json.dumps(processor, indent=2, sort_keys=True) + "\n")
    report = {"steps": state.step, "hours": state.seconds / 3600.0, "loss": mean_loss(state.losses)}
    (run.own(lesson.name) / "report.json").write_text(json.dumps(report, indent=1))
    return target


def _set_dtype(config: dict[str, Any]) -> None:
    for part in (config, config["backbone_config"]):
        part.pop("_name_or_path", None)
        part["dtype"] = "float32"


def mean_loss(losses: Sequence[tuple[int, float]], last: int = 100) -> float:
    """The mean loss of the last steps."""
    values = [loss for _, loss in losses[-last:]]
    return sum(values) / max(len(values), 1)
