"""Train the denoiser (transformer and text encoder together) on cached latents.

    python -m pipelines.toybox.train_transformer --recipe cpu --run RUN

Reads RUN/latents (more shards may arrive while it runs), resumes from RUN/transformer/state.pt, and keeps loss.png and
fixed-seed sample sheets in RUN/transformer. Loss: squared error of the rectified flow's velocity (Liu et al. 2022)
at logit-normal noise levels (Esser et al. 2024), shifted as at inference. Captions are dropped for guidance.
"""

import argparse
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import WanVACEPipeline
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from pipelines.toybox.checkpoint import Average, TrainingState, rate_share
from pipelines.toybox.codec import SPATIAL_FACTOR
from pipelines.toybox.control import with_reference
from pipelines.toybox.latents import LatentCache, unpack
from pipelines.toybox.loop import Plan, train_steps
from pipelines.toybox.networks import Denoiser, tokenize
from pipelines.toybox.optimizers import MuonAndAdamW
from pipelines.toybox.recipes import RECIPES, Recipe
from pipelines.toybox.vocabulary import build_tokenizer
from pipelines.toybox.workers import Workers


@dataclass(frozen=True)
class TransformerRun:
    """Where a run reads and writes, when it stops early (None: at the recipe's last step), a checkpoint folder whose
    weights it begins with (None: from nothing), and whether its blocks are compiled (needs a C++ compiler).
    """

    recipe: Recipe
    folder: Path
    device: str = "cpu"
    stop_at: int | None = None
    begin_with: Path | None = None
    compiled: bool = False

    @property
    def state_path(self) -> Path:
        """The resumable state."""
        return self.folder / "transformer" / "state.pt"


@dataclass(frozen=True)
class Batch:
    """One step's inputs: clean latents and their control, token ids and mask, and what each latent weighs in the loss
    (B, 1, T', H', W'), all on one device.
    """

    latents: Tensor
    control: Tensor
    text: tuple[Tensor, Tensor]
    weight: Tensor


class LatentSource:
    """Batches out of the cache; what a step draws follows from the seed, the step and the shards that are there."""

    def __init__(self, run: TransformerRun) -> None:
        self.run, self.cache = run, LatentCache(run.folder / "latents")
        self.tokenizer = build_tokenizer(run.recipe.transformer)
        self.nothing = torch.cat([self.cache.grey[0]] * 2)
        self.mask_shape = (SPATIAL_FACTOR**2, *self.nothing.shape[1:])

    def batch(self, step: int, workers: Workers | None = None) -> Batch:
        """The inputs of one step: all of them, or a worker's share."""
        recipe, device = self.run.recipe.transformer, self.run.device
        rng = np.random.default_rng([self.run.recipe.seed, 2, step])
        chosen = rng.integers(len(self.cache), size=recipe.batch)
        plain = rng.random(recipe.batch) < recipe.text_share
        pattern = np.where(plain, -1, rng.integers(recipe.patterns, size=recipe.batch))
        silent = rng.random(recipe.batch) < recipe.caption_dropout
        words = rng.integers(2**31, size=recipe.batch)
        has_reference = bool(rng.random() < recipe.reference_share)
        mine = slice(workers.rank, None, workers.count) if workers else slice(None)
        rows = list(zip(chosen[mine].tolist(), pattern[mine].tolist(), strict=True))
        latents = torch.stack([self.cache.get(index, "clip") for index, _ in rows]).float()
        made = torch.stack([self._control(index, which) for index, which in rows])
        weight = torch.stack([self._weight(index, which) for index, which in rows])
        if has_reference:
            pictures = torch.stack([self.cache.get(index, "picture") for index, _ in rows]).float()
            latents, made = torch.cat([pictures, latents], 2), with_reference(made, pictures)
            weight = torch.cat([torch.ones_like(weight[:, :, :1]), weight], 2)
        captions = zip(chosen[mine].tolist(), silent[mine].tolist(), words[mine].tolist(), strict=True)
        told = "places" if has_reference and rng.random() < recipe.place_share else "captions"
        texts = ["" if mute else self._caption(index, told, word) for index, mute, word in captions]
        ids, mask = tokenize(self.tokenizer, texts, recipe.text_length)
        return Batch(latents.to(device), made.to(device), (ids.to(device), mask.to(device)), weight.to(device))

    def _caption(self, index: int, told: str, word: int) -> str:
        texts: list[str] = self.cache.get(index, told)
        return texts[word % len(texts)]

    def _weight(self, index: int, which: int) -> Tensor:
        """What each latent (1, T', H', W') of a clip weighs. Without a condition all weigh the same: a weight that
        follows from what only the clip tells would teach the model to see things everywhere.
        """
        share = self.cache.get(index, "things").float()[None] / 255.0
        return 1.0 + (self.run.recipe.transformer.thing_weight if which >= 0 else 0.0) * share

    def _control(self, index: int, which: int) -> Tensor:
        """The control (2 z + 256, T', H', W') of one of a clip's conditions, or of none (-1)."""
        if which < 0:
            return torch.cat([self.nothing, torch.ones(self.mask_shape)])
        parts, masks = self.cache.get(index, "parts"), self.cache.get(index, "masks")
        return torch.cat([parts[which].float(), unpack(masks[which], self.mask_shape)])


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
    def of(shape: Sequence[int], shift: float, generator: torch.Generator) -> "Draw":
        """What goes with latents of this shape; drawn on the CPU, so that every device draws the same."""
        noise = torch.randn(tuple(shape), generator=generator)
        return Draw(noise, noise_levels(shape[0], shift, generator))

    def share(self, workers: Workers) -> "Draw":
        """One worker's part."""
        return Draw(workers.share(self.noise), workers.share(self.sigma))

    def to(self, device: torch.device) -> "Draw":
        """The same on a device."""
        return Draw(self.noise.to(device), self.sigma.to(device))


def velocity_loss(model: torch.nn.Module, batch: Batch, draw: Draw) -> Tensor:
    """Mean squared error of the velocity noise - latents, by the batch's weights."""
    level = draw.sigma.view(-1, 1, 1, 1, 1)
    noisy = (1.0 - level) * batch.latents + level * draw.noise
    device = batch.latents.device.type
    # On a CPU plain attention over 80 tokens takes less time than the fused kernel's backward pass.
    kernel = sdpa_kernel(SDPBackend.MATH) if device == "cpu" else nullcontext()
    with torch.autocast(device, torch.bfloat16), kernel:
        velocity = model(noisy, draw.sigma, batch.text, batch.control)
    error = F.mse_loss(velocity.float(), draw.noise - batch.latents, reduction="none").mean(1, keepdim=True)
    return (batch.weight * error).sum() / batch.weight.sum()


def begin(run: TransformerRun) -> TrainingState[MuonAndAdamW]:
    """The state of a run: what was saved, or a fresh one (from the weights of a smaller model where one is named)."""
    torch.manual_seed(run.recipe.seed)
    model, settings = Denoiser(run.recipe).to(run.device), run.recipe.transformer
    if run.begin_with is not None and not run.state_path.exists():
        grow(model, run.begin_with)
    optimizer = MuonAndAdamW(model, settings)
    state = TrainingState(model, optimizer, Average(model.parameters(), settings.ema_decay))
    state.load(run.state_path)
    return state


@torch.no_grad()
def grow(model: Denoiser, folder: Path) -> None:
    """Take up the weights of a checkpoint with the same latents and words. A control layer that it lacks begins as the
    main layer it stands beside, silent (as VACE, Jiang et al. 2025, begins its own)."""
    pipe = WanVACEPipeline.from_pretrained(folder, dtype=torch.float32)
    model.text_encoder.load_state_dict(pipe.text_encoder.state_dict())
    model.transformer.load_state_dict(pipe.transformer.state_dict(), strict=False)
    layers = zip(model.transformer.vace_blocks, model.transformer.config.vace_layers, strict=True)
    for block, layer in list(layers)[len(pipe.transformer.vace_blocks) :]:
        block.load_state_dict(model.transformer.blocks[layer].state_dict(), strict=False)
        torch.nn.init.zeros_(block.proj_out.weight)
        torch.nn.init.zeros_(block.proj_out.bias)


def train(run: TransformerRun) -> TrainingState[MuonAndAdamW]:
    """Train until the last step, the early stop or SIGTERM; the state is saved in every case."""
    recipe, state, source, workers = run.recipe, begin(run), LatentSource(run), Workers()
    last = min(recipe.transformer.steps, run.stop_at or recipe.transformer.steps)
    if run.compiled:
        for block in (*state.model.transformer.blocks, *state.model.transformer.vace_blocks):
            block.compile(dynamic=False)  # clips with a reference are longer: one graph for each length
    plan = Plan("denoiser", last, run.state_path.parent, recipe.checkpoint_every, leads=workers.rank == 0)

    def step() -> float:
        return transformer_step(state, source.batch(state.step, workers), recipe, workers)

    train_steps(state, plan, step, at_checkpoint=source.cache.refresh, agree=workers.any)
    workers.close()
    return state


def transformer_step(
    state: TrainingState[MuonAndAdamW], batch: Batch, recipe: Recipe, workers: Workers
) -> float:
    """One optimizer step on this worker's share; returns the loss of all."""
    settings = recipe.transformer
    state.optimizer.set_share(rate_share(state.step, warmup=settings.warmup_steps, steps=settings.steps))
    generator = torch.Generator().manual_seed(recipe.seed * 1_000_003 + state.step)
    whole = (settings.batch, *batch.latents.shape[1:])
    draw = Draw.of(whole, settings.shift, generator).share(workers).to(batch.latents.device)
    loss = velocity_loss(state.model, batch, draw)
    state.optimizer.zero_grad(set_to_none=True)
    loss.backward()
    parameters = list(state.model.parameters())
    agreed = workers.average(parameters, float(loss.detach()))
    torch.nn.utils.clip_grad_norm_(parameters, 1.0)
    state.optimizer.step()
    state.step += 1
    state.average.update(state.step)
    return agreed


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
    parser.add_argument("--begin-with", type=Path, help="a checkpoint folder of the same width over the same codec")
    parser.add_argument("--compile", action="store_true", help="compile the blocks: minutes first, then twice as fast")
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    train(TransformerRun(
        RECIPES[options.recipe], options.run, options.device, options.stop_at, options.begin_with, options.compile
    ))


if __name__ == "__main__":
    main()
