"""Train the codec on rendered clips, then write it as a stock `AutoencoderKLWan` folder.

    python -m pipelines.toybox.train_codec --recipe cpu --run RUN

Reads the shards under RUN/clips (more may arrive while it runs) and resumes from RUN/codec/state.pt. The encoder is set
in closed form before the first step and written to RUN/codec/vae at once, so that latents can be cached while the
decoder trains; the decoder follows with the last step, beside loss.png, reconstructions.png and report.json.
Loss: L1 of pixels and of their differences in space.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKLWan
from torch import Tensor

from pipelines.toybox.checkpoint import Average, TrainingState, rate_share
from pipelines.toybox.clips import read_shard, shard_numbers
from pipelines.toybox.codec import (
    build_codec,
    decode_pixels,
    encode_moments,
    speed_up_norms,
    to_frames,
    to_pixels,
)
from pipelines.toybox.codec_init import fit_encoder, quiet_residuals
from pipelines.toybox.loop import Plan, train_steps
from pipelines.toybox.optimizers import CodecOptimizer
from pipelines.toybox.recipes import RECIPES, CodecRecipe, CropStage, Recipe
from pipelines.toybox.report import contact_sheet

FIT_CLIPS = 128


class CropSource:
    """Random crops of the shards in a folder; what a step draws follows from the seed, the step and the shards."""

    def __init__(self, folder: Path, recipe: Recipe) -> None:
        self.folder, self.recipe = folder, recipe
        self.shards = [read_shard(folder, number).frames for number in shard_numbers(folder)]

    def refresh(self) -> None:
        """Take up shards that have become complete since."""
        known = shard_numbers(self.folder)
        self.shards += [read_shard(self.folder, number).frames for number in known[len(self.shards) :]]

    def batch(self, step: int) -> Tensor:
        """Pixels (B, 3, T, size, size) in -1..1 of one step."""
        rng = np.random.default_rng([self.recipe.seed, 1, step])
        stage = stage_of(self.recipe.codec, step, rng)
        crops = np.stack([self._crop(rng, stage) for _ in range(stage.batch)])
        pixels = to_pixels(torch.from_numpy(crops))
        for clip in pixels:
            if rng.random() < self.recipe.codec.grey_share:
                clip[:, int(rng.integers(2)) :] = 0.0
        return pixels.contiguous(memory_format=torch.channels_last_3d)

    def _crop(self, rng: np.random.Generator, stage: CropStage) -> np.ndarray:
        shard = self.shards[int(rng.integers(len(self.shards)))]
        clip = shard[int(rng.integers(len(shard)))]
        start = int(rng.integers(len(clip) - stage.num_frames + 1))
        top, left = (int(rng.integers((clip.shape[axis] - stage.size) // 8 + 1)) * 8 for axis in (1, 2))
        crop = clip[start : start + stage.num_frames, top : top + stage.size, left : left + stage.size]
        return crop[:, :, ::-1] if rng.random() < 0.5 else crop


def stage_of(recipe: CodecRecipe, step: int, rng: np.random.Generator) -> CropStage:
    """The kind of batch of a step: a random stage, and the finishing one at the end."""
    if step >= recipe.steps * (1.0 - recipe.finish_share):
        return recipe.finish
    shares = np.array([stage.share for stage in recipe.stages])
    return recipe.stages[int(rng.choice(len(shares), p=shares / shares.sum()))]


def codec_loss(codec: AutoencoderKLWan, pixels: Tensor, recipe: CodecRecipe, noise: torch.Generator) -> Tensor:
    """L1 of values and of spatial differences after decoding the slightly noisy latents of the fixed encoder."""
    spread = torch.tensor(codec.config.latents_std, device=pixels.device).view(1, -1, 1, 1, 1)
    with torch.autocast(pixels.device.type, torch.bfloat16):
        with torch.no_grad():
            mean, _ = encode_moments(codec, pixels)
            jitter = torch.randn(mean.shape, generator=noise).to(mean.device)
        again = decode_pixels(codec, mean + recipe.latent_noise * spread * jitter)
    error = again - pixels
    slopes = error.diff(dim=3).abs().mean() + error.diff(dim=4).abs().mean()
    return error.abs().mean() + recipe.gradient_weight * slopes


@dataclass(frozen=True)
class CodecRun:
    """Where a codec run reads and writes, and when it stops early (None: at the recipe's last step)."""

    recipe: Recipe
    folder: Path
    device: str = "cpu"
    stop_at: int | None = None

    @property
    def state_path(self) -> Path:
        """The resumable state."""
        return self.folder / "codec" / "state.pt"

    @property
    def vae(self) -> Path:
        """The codec's folder: its encoder is final from the start, its decoder once training is done."""
        return self.folder / "codec" / "vae"


@torch.no_grad()
def fit(run: CodecRun) -> None:
    """Set the encoder and the latents' statistics from the first clips, and write the codec's folder."""
    recipe = run.recipe.codec
    torch.manual_seed(run.recipe.seed)
    codec = build_codec(recipe)
    pixels = to_pixels(torch.cat(_clips(run.folder / "clips", FIT_CLIPS)))
    fit_encoder(codec, pixels)
    quiet_residuals(codec.decoder)
    codec = codec.to(torch.bfloat16)
    parts = [encode_moments(codec, part.to(torch.bfloat16))[0] for part in pixels.split(4)]
    latents = torch.cat(parts)
    centre, spread = latents.mean(dim=(0, 2, 3, 4)), latents.std(dim=(0, 2, 3, 4)).clamp_min(1e-3)
    scale = spread.pow(recipe.whitening)
    scale = scale * (spread / scale).square().mean().sqrt()
    codec.register_to_config(latents_mean=centre.tolist(), latents_std=scale.tolist())
    codec.save_pretrained(run.vae)


def begin(run: CodecRun) -> TrainingState[CodecOptimizer]:
    """The state of a run: what was saved, or a freshly fitted codec."""
    if not run.vae.exists():
        fit(run)
    torch.manual_seed(run.recipe.seed)
    codec = AutoencoderKLWan.from_pretrained(run.vae, dtype=torch.float32).to(run.device)
    codec.encoder.requires_grad_(False)
    codec.quant_conv.requires_grad_(False)
    speed_up_norms(codec)
    settings = run.recipe.codec
    trained = [parameter for parameter in codec.parameters() if parameter.requires_grad]
    optimizer = CodecOptimizer(trained, settings.learning_rate)
    state = TrainingState(codec, optimizer, Average(trained, settings.ema_decay))
    state.load(run.state_path)
    return state


def train(run: CodecRun) -> TrainingState[CodecOptimizer]:
    """Train until the last step, the early stop or SIGTERM; the state is saved in every case."""
    recipe, state, source = run.recipe, begin(run), CropSource(run.folder / "clips", run.recipe)
    last = min(recipe.codec.steps, run.stop_at or recipe.codec.steps)
    plan = Plan("codec", last, run.state_path.parent, recipe.checkpoint_every)

    def step() -> float:
        return codec_step(state, source.batch(state.step).to(run.device), recipe)

    train_steps(state, plan, step, at_checkpoint=source.refresh)
    return state


def codec_step(state: TrainingState[CodecOptimizer], pixels: Tensor, recipe: Recipe) -> float:
    """One optimizer step; returns the loss."""
    settings = recipe.codec
    state.optimizer.set_share(rate_share(state.step, warmup=settings.warmup_steps, steps=settings.steps))
    noise = torch.Generator().manual_seed(recipe.seed * 1_000_003 + state.step)
    loss = codec_loss(state.model, pixels, settings, noise)
    state.optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(state.model.parameters(), 1.0)
    state.optimizer.step()
    state.step += 1
    state.average.update(state.step)
    return float(loss.detach())


@torch.no_grad()
def finish(run: CodecRun, state: TrainingState[CodecOptimizer]) -> dict[str, float]:
    """Write the codec with its averaged decoder in bfloat16; returns and records its PSNR."""
    state.average.swap()
    codec = AutoencoderKLWan.from_pretrained(run.vae, dtype=torch.bfloat16)
    codec.load_state_dict(state.model.state_dict())
    state.average.swap()
    codec = codec.to(run.device).eval()
    waiting = run.vae.with_name("vae.part")
    codec.save_pretrained(waiting)
    for path in waiting.iterdir():
        path.replace(run.vae / path.name)
    waiting.rmdir()
    figures = psnr(run, codec) | {"steps": state.step, "hours": state.seconds / 3600.0}
    (run.folder / "codec" / "report.json").write_text(json.dumps(figures, indent=1))
    return figures


@torch.no_grad()
def psnr(run: CodecRun, codec: AutoencoderKLWan) -> dict[str, float]:
    """Mean PSNR in dB over held-out clips, and a sheet of originals above their reconstructions."""
    values, sheet, grey = [], [], torch.zeros(1, 3, run.recipe.num_frames, run.recipe.size, run.recipe.size)
    for frames in _clips(run.folder / "held_out", 32):
        mean, _ = encode_moments(codec, to_pixels(frames).to(run.device, torch.bfloat16))
        again = to_frames(decode_pixels(codec, mean.to(torch.bfloat16)).clamp(-1, 1)).cpu()
        error = (again.float() - frames.float()).square().mean(dim=(1, 2, 3, 4))
        values += (10.0 * torch.log10(255.0**2 / error.clamp_min(1e-3))).tolist()
        sheet += [frames[0].numpy(), again[0].numpy()] if len(sheet) < 12 else []
    mean, _ = encode_moments(codec, grey.to(run.device, torch.bfloat16))
    error = decode_pixels(codec, mean.to(torch.bfloat16)).float().square().mean().item()
    contact_sheet(sheet, ["truth", "codec"] * (len(sheet) // 2), run.folder / "codec" / "reconstructions.png")
    return {"psnr_db": float(np.mean(values)), "worst_psnr_db": min(values), "grey_mse": error}


def _clips(folder: Path, count: int) -> list[Tensor]:
    """The first clips of a folder, four at a time: uint8 (4, T, H, W, 3)."""
    batches: list[Tensor] = []
    for number in shard_numbers(folder):
        batches += torch.from_numpy(np.array(read_shard(folder, number).frames)).split(4)
        if 4 * len(batches) >= count:
            break
    return batches[: max(1, count // 4)]


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, and write the codec's folder when the last step is done (or with --finish at once)."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recipe", choices=sorted(RECIPES), default="cpu")
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--stop-at", type=int)
    parser.add_argument("--fit", action="store_true", help="only set the encoder and write the folder")
    parser.add_argument("--finish", action="store_true", help="write the decoder even if the last step is not reached")
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    run = CodecRun(RECIPES[options.recipe], options.run, options.device, options.stop_at)
    if options.fit:
        fit(run)
        return
    state = train(run)
    if options.finish or state.step >= run.recipe.codec.steps:
        print(finish(run, state))


if __name__ == "__main__":
    main()
