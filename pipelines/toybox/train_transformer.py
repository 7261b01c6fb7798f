"""Train the denoiser (transformer and text encoder together) on cached latents.

    python -m pipelines.toybox.train_transformer --recipe cpu --run RUN

Reads RUN/latents (more shards may arrive while it runs), resumes from RUN/transformer/state.pt, and keeps loss.png and
fixed-seed sample sheets in RUN/transformer. Loss: squared error of the rectified flow's velocity (Liu et al. 2022)
at logit-normal noise levels (Esser et al. 2024), shifted as at inference. Captions are dropped for guidance.
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
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from pipelines.toybox.checkpoint import Average, StopFlag, TrainingState, rate_share
from pipelines.toybox.control import control, frame_mask, mask_channels, start_picture
from pipelines.toybox.latents import LatentCache
from pipelines.toybox.networks import Denoiser, tokenize
from pipelines.toybox.optimizers import MuonAndAdamW
from pipelines.toybox.recipes import RECIPES, Recipe
from pipelines.toybox.report import loss_plot
from pipelines.toybox.vocabulary import build_tokenizer
from pipelines.toybox.workers import Workers


@dataclass(frozen=True)
class TransformerRun:
    """Where a run reads and writes, and when it stops early (None: at the recipe's last step)."""

    recipe: Recipe
    folder: Path
    device: str = "cpu"
    stop_at: int | None = None

    @property
    def state_path(self) -> Path:
        """The resumable state."""
        return self.folder / "transformer" / "state.pt"


@dataclass(frozen=True)
class Batch:
    """One step's inputs: clean latents and their control, token ids and mask, all on one device."""

    latents: Tensor
    control: Tensor
    text: tuple[Tensor, Tensor]

    def share(self, workers: Workers) -> "Batch":
        """One worker's part."""
        ids, mask = self.text
        text = (workers.share(ids), workers.share(mask))
        return Batch(workers.share(self.latents), workers.share(self.control), text)


class LatentSource:
    """Batches out of the cache; what a step draws follows from the seed, the step and the shards that are there."""

    def __init__(self, run: TransformerRun) -> None:
        self.run, self.cache = run, LatentCache(run.folder / "latents")
        self.tokenizer = build_tokenizer(run.recipe.transformer)
        size = (run.recipe.size, run.recipe.size)
        self.free = mask_channels(frame_mask(run.recipe.num_frames, size, ()))
        self.first = mask_channels(frame_mask(run.recipe.num_frames, size, (0,)))

    def batch(self, step: int) -> Batch:
        """The inputs of one step, all of them; a worker takes its share with `Batch.share`."""
        recipe = self.run.recipe.transformer
        rng = np.random.default_rng([self.run.recipe.seed, 2, step])
        chosen = rng.integers(len(self.cache), size=recipe.batch)
        from_picture = rng.random(recipe.batch) < recipe.image_share
        silent = rng.random(recipe.batch) < recipe.caption_dropout
        texts = [self._caption(int(index), bool(mute), rng) for index, mute in zip(chosen, silent, strict=True)]
        text = tokenize(self.tokenizer, texts, recipe.text_length)
        latents = torch.stack([self.cache.clips[index] for index in chosen]).float()
        pairs = zip(chosen, from_picture, strict=True)
        controls = torch.cat([self._control(int(index), bool(picture)) for index, picture in pairs])
        device = self.run.device
        return Batch(latents.to(device), controls.to(device), (text[0].to(device), text[1].to(device)))

    def _caption(self, index: int, silent: bool, rng: np.random.Generator) -> str:
        texts = self.cache.captions[index]
        return "" if silent else texts[int(rng.integers(len(texts)))]

    def _control(self, index: int, from_picture: bool) -> Tensor:
        grey = self.cache.grey
        if from_picture:
            return control(start_picture(self.cache.clips[index].float().unsqueeze(0), grey), grey, self.first)
        return control(grey, grey, self.free)


def noise_levels(count: int, shift: float, generator: torch.Generator) -> Tensor:
    """Logit-normal levels (count,) in 0..1, shifted towards noise like the scheduler's steps."""
    level = torch.sigmoid(torch.randn(count, generator=generator))
    return shift * level / (1.0 + (shift - 1.0) * level)


@dataclass(frozen=True)
class Draw:
    """The noise and the noise levels of a batch, drawn for all of it."""

    noise: Tensor
    sigma: Tensor

    @staticmethod
    def of(latents: Tensor, shift: float, generator: torch.Generator) -> "Draw":
        """What goes with these latents; drawn on the CPU, so that every device draws the same."""
        noise = torch.randn(latents.shape, generator=generator)
        sigma = noise_levels(len(latents), shift, generator)
        return Draw(noise.to(latents.device), sigma.to(latents.device))


def velocity_loss(model: torch.nn.Module, batch: Batch, draw: Draw) -> Tensor:
    """Mean squared error of the velocity noise - latents."""
    level = draw.sigma.view(-1, 1, 1, 1, 1)
    noisy = (1.0 - level) * batch.latents + level * draw.noise
    device = batch.latents.device.type
    # On a CPU plain attention over 80 tokens takes less time than the fused kernel's backward pass.
    kernel = sdpa_kernel(SDPBackend.MATH) if device == "cpu" else nullcontext()
    with torch.autocast(device, torch.bfloat16), kernel:
        velocity = model(noisy, draw.sigma, batch.text, batch.control)
    return F.mse_loss(velocity.float(), draw.noise - batch.latents)


def begin(run: TransformerRun) -> TrainingState[MuonAndAdamW]:
    """The state of a run: what was saved, or a fresh one."""
    torch.manual_seed(run.recipe.seed)
    model, settings = Denoiser(run.recipe).to(run.device), run.recipe.transformer
    optimizer = MuonAndAdamW(model, settings)
    state = TrainingState(model, optimizer, Average(model.parameters(), settings.ema_decay))
    state.load(run.state_path)
    return state


def train(run: TransformerRun) -> TrainingState[MuonAndAdamW]:
    """Train until the last step, the early stop or SIGTERM; the state is saved in every case."""
    recipe, state, source, workers = run.recipe, begin(run), LatentSource(run), Workers()
    last = min(recipe.transformer.steps, run.stop_at or recipe.transformer.steps)
    stopped = False
    with StopFlag() as stop:
        while state.step < last and not stopped:
            begun = time.perf_counter()
            loss, stopped = transformer_step(state, source.batch(state.step), recipe, workers, stop.raised)
            state.seconds += time.perf_counter() - begun
            state.losses.append((state.step, loss))
            if state.step % recipe.checkpoint_every == 0:
                source.cache.refresh()
            if workers.rank == 0:
                _record(run, state, len(source.cache))
        if workers.rank == 0:
            state.save(run.state_path)
    workers.close()
    return state


def _record(run: TransformerRun, state: TrainingState[MuonAndAdamW], clips: int) -> None:
    """Tell of every twentieth step; keep the state and the plot of the loss as often as the recipe says."""
    if state.step % 20 == 0:
        recent = float(np.mean([value for _, value in state.losses[-100:]]))
        print(f"{state.step} loss {recent:.4f} {state.seconds:.0f}s {clips} clips", flush=True)
    if state.step % run.recipe.checkpoint_every == 0:
        state.save(run.state_path)
        loss_plot(state.losses, run.folder / "transformer" / "loss.png")


def transformer_step(
    state: TrainingState[MuonAndAdamW], batch: Batch, recipe: Recipe, workers: Workers, stop: bool = False
) -> tuple[float, bool]:
    """One optimizer step on this worker's share; returns the loss and whether any worker was asked to stop."""
    settings = recipe.transformer
    state.optimizer.set_share(rate_share(state.step, warmup=settings.warmup_steps, steps=settings.steps))
    generator = torch.Generator().manual_seed(recipe.seed * 1_000_003 + state.step)
    draw = Draw.of(batch.latents, settings.shift, generator)
    mine = Draw(workers.share(draw.noise), workers.share(draw.sigma))
    loss = velocity_loss(state.model, batch.share(workers), mine)
    state.optimizer.zero_grad(set_to_none=True)
    loss.backward()
    parameters = list(state.model.parameters())
    agreed, stopped = workers.agree(parameters, float(loss.detach()), stop)
    torch.nn.utils.clip_grad_norm_(parameters, 1.0)
    state.optimizer.step()
    state.step += 1
    state.average.update(state.step)
    return agreed, stopped


def averaged_denoiser(run: TransformerRun) -> Denoiser:
    """The averaged weights of a run's newest state."""
    state = begin(run)
    state.average.swap()
    model = state.model
    if not isinstance(model, Denoiser):
        raise TypeError("The run's state holds no denoiser.")
    return model


def main(arguments: Sequence[str] | None = None) -> None:
    """Train to the recipe's last step."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recipe", choices=sorted(RECIPES), default="cpu")
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--stop-at", type=int)
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    run = TransformerRun(RECIPES[options.recipe], options.run, options.device, options.stop_at)
    train(run)


if __name__ == "__main__":
    main()
