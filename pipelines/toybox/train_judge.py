"""Train the judge on rendered clips, clean and degraded, and measure its floor on held-out true renders.

    python -m pipelines.toybox.train_judge --recipe cpu --run RUN

Reads the shards under RUN/clips and resumes from RUN/judge/state.pt. RUN/judge/codec.npy holds the first clips after a
round trip through the codec (--codec), so that a codec's blur is no news to the judge. With the last step it writes
the judge's folder with its card, and report.json: its floors on RUN/held_out, as rendered and after the codec.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import cv2
import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKLWan
from safetensors.torch import load_file
from torch import Tensor

from pipelines.toybox.bench import text
from pipelines.toybox.checkpoint import Average, TrainingState, rate_share
from pipelines.toybox.clips import read_shard, shard_numbers
from pipelines.toybox.codec import to_frames, to_pixels
from pipelines.toybox.judge import (
    LOOKS,
    NUM_FRAMES,
    WEIGHTS,
    Clips,
    Facts,
    Judge,
    JudgeShape,
    Seen,
    facts,
    instances_of,
    mirrored,
    prepare,
    save_judge,
    targets,
)
from pipelines.toybox.judge_card import card_text
from pipelines.toybox.loop import Plan, train_steps
from pipelines.toybox.scene import Scene

SOFT_CLIPS = 64
"""How many held-out clips go through the codec for its floor."""
LOOKING = 0.1
"""Weight of looking at the right places."""


@dataclass(frozen=True, kw_only=True)
class JudgeRecipe:
    """How a judge is trained. codec_clips: clips that go through the codec once; codec_share: how often one is shown.

    blur_share: how often another clip is blurred, in pixels of `blur`, with noise. mixture: as in `sampling`.
    """

    mixture: str = "everyday"
    shape: JudgeShape = JudgeShape()
    steps: int = 1000
    batch: int = 24
    learning_rate: float = 1.5e-3
    weight_decay: float = 0.02
    warmup_steps: int = 50
    codec_clips: int = 256
    codec_share: float = 0.12
    blur_share: float = 0.5
    blur: tuple[float, float] = (0.5, 2.0)
    seed: int = 20261121
    checkpoint_every: int = 100


JUDGE_RECIPES: Mapping[str, JudgeRecipe] = MappingProxyType({
    "cpu": JudgeRecipe(),
    "full": JudgeRecipe(mixture="full", steps=40_000, batch=64, codec_clips=4096),
    "ci": JudgeRecipe(
        shape=JudgeShape(side=32, width=8, memory=16), steps=8, batch=2, warmup_steps=2, codec_clips=2,
        checkpoint_every=4,
    ),
})
"""By the name of the recipe whose world and clips they judge."""


@dataclass(frozen=True)
class JudgeRun:
    """A named recipe, where its run reads and writes, when it stops early (None: at the recipe's last step), and a
    judge's folder whose weights it begins with (None: from nothing)."""

    name: str
    folder: Path
    codec: Path
    stop_at: int | None = None
    begin_with: Path | None = None

    @property
    def recipe(self) -> JudgeRecipe:
        """How this judge is trained."""
        return JUDGE_RECIPES[self.name]

    @property
    def state_path(self) -> Path:
        """The resumable state."""
        return self.folder / "judge" / "state.pt"


@dataclass(frozen=True)
class Lesson:
    """A batch: what is seen, the places of the facts in their heads, and of the things in the looks (see `Reading`)."""

    seen: Seen
    truth: Tensor
    places: Tensor


class ClipSource:
    """Clips and their facts; what a step draws follows from the seed, the step and the shards."""

    def __init__(self, run: JudgeRun) -> None:
        self.recipe = run.recipe
        shards = [read_shard(run.folder / "clips", number) for number in shard_numbers(run.folder / "clips")]
        self.clips = [clip for shard in shards for clip in shard.frames]
        self.instances = [labels for shard in shards for labels in shard.instances]
        self.scenes = [scene for shard in shards for scene in shard.scenes]
        self.after_codec = np.load(codec_cache(run), mmap_mode="r")

    def batch(self, step: int) -> Lesson:
        """What the judge sees in one step, and the truth."""
        rng = np.random.default_rng([self.recipe.seed, step])
        drawn = [self._draw(rng) for _ in range(self.recipe.batch)]
        seen = prepare(np.stack([clip for clip, _, _ in drawn]), self.recipe.shape.side)
        size = self.recipe.shape.side // 4
        places = [F.interpolate(torch.from_numpy(place), size=(size, size), mode="area") for _, _, place in drawn]
        return Lesson(seen, targets([told for _, told, _ in drawn]), torch.stack(places))

    def _draw(self, rng: np.random.Generator) -> tuple[Clips, Facts, npt.NDArray[np.float32]]:
        if rng.random() < self.recipe.codec_share:
            place = int(rng.integers(len(self.after_codec)))
            clip = np.array(self.after_codec[place])
        else:
            place = int(rng.integers(len(self.clips)))
            clip = np.array(self.clips[place])
            if rng.random() < self.recipe.blur_share:
                clip = degraded(clip, rng, self.recipe.blur)
        scene = self.scenes[place]
        told, where = facts(scene), places_of(self.instances[place], scene)
        if rng.random() < 0.5:
            return clip, told, where
        if told["relation"] in ("side by side", "in a row"):
            count = int(told["count"])
            where[:, :count] = where[:, :count][:, ::-1].copy()
        return clip[:, :, ::-1], mirrored(told), where[..., ::-1].copy()


def places_of(labels: npt.NDArray[np.uint8], scene: Scene) -> npt.NDArray[np.float32]:
    """Where the things and the figure of a clip are at the judge's looks: 0 or 1, (5, places, H, W)."""
    picked = np.rint(np.linspace(0, len(labels) - 1, NUM_FRAMES)).astype(int)[list(LOOKS)]
    chosen = np.array(labels[picked])
    return np.stack([np.float32(chosen == number) for number in (n or 255 for n in instances_of(scene))], axis=1)


def degraded(clip: Clips, rng: np.random.Generator, blur: tuple[float, float]) -> Clips:
    """The clip uint8 (T, H, W, 3) softened in space, at times in time, with fine and coarse noise."""
    sigma, noise = float(rng.uniform(*blur)), float(rng.uniform(0.0, 5.0))
    soft = np.stack([cv2.GaussianBlur(frame, (0, 0), sigma) for frame in clip]).astype(np.float32)
    if rng.random() < 0.5:
        soft[1:-1] = 0.25 * soft[:-2] + 0.5 * soft[1:-1] + 0.25 * soft[2:]
    height, width = clip.shape[1:3]
    coarse = rng.standard_normal((height // 8, width // 8, 3), np.float32) * 2.0 * noise
    soft += cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    fine = rng.standard_normal((height, width, 3), np.float32) * noise
    for frame in soft:
        frame += np.roll(fine, (int(rng.integers(height)), int(rng.integers(width))), (0, 1))
    return np.clip(soft + 0.5, 0, 255).astype(np.uint8)


def codec_cache(run: JudgeRun) -> Path:
    """The file of the first training clips after the codec, made where it is missing."""
    path = run.folder / "judge" / "codec.npy"
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    found: list[Clips] = []
    for number in shard_numbers(run.folder / "clips"):
        found += list(read_shard(run.folder / "clips", number).frames)
        if len(found) >= run.recipe.codec_clips:
            break
    waiting = path.with_suffix(".part")
    with waiting.open("wb") as stream:
        np.save(stream, round_trip(run.codec, np.stack(found[: run.recipe.codec_clips])))
    waiting.replace(path)
    return path


@torch.inference_mode()
def round_trip(folder: Path, clips: Clips) -> Clips:
    """Clips uint8 (B, T, H, W, 3) through the codec of a folder and back."""
    codec = AutoencoderKLWan.from_pretrained(folder, torch_dtype=torch.bfloat16).eval()
    parts = []
    for part in torch.from_numpy(np.array(clips)).split(1):
        latents = codec.encode(to_pixels(part).to(torch.bfloat16)).latent_dist.mode()
        parts.append(to_frames(codec.decode(latents).sample))
    return torch.cat(parts).numpy()


def begin(run: JudgeRun) -> TrainingState[torch.optim.AdamW]:
    """The state of a run: what was saved, or a fresh judge."""
    torch.manual_seed(run.recipe.seed)
    judge = Judge(run.recipe.shape)
    if run.begin_with is not None and not run.state_path.exists():
        take_over(judge, load_file(run.begin_with / WEIGHTS))
    judge.to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(
        judge.parameters(), run.recipe.learning_rate, betas=(0.9, 0.98), weight_decay=run.recipe.weight_decay
    )
    state = TrainingState(judge, optimizer, Average([], 0.0))
    state.load(run.state_path)
    return state


@torch.no_grad()
def take_over(judge: Judge, weights: Mapping[str, Tensor]) -> None:
    """Take up an earlier judge's weights as far as they reach: what a layer sees anew begins unseen."""
    for name, value in judge.state_dict().items():
        if name in weights and weights[name].dim() == value.dim():
            old = weights[name].to(value.dtype)
            value.zero_()
            corner = tuple(slice(0, min(a, b)) for a, b in zip(value.shape, old.shape, strict=True))
            value[corner] = old[corner]


def judge_loss(judge: Judge, lesson: Lesson) -> Tensor:
    """Mean cross entropy of all attributes, and of looking where the things are."""
    with torch.autocast("cpu", torch.bfloat16):
        reading = judge(lesson.seen)
    parts = [F.cross_entropy(score.float(), lesson.truth[:, place]) for place, score in enumerate(reading.scores)]
    shown = lesson.places.sum((3, 4)) > 1.0
    hit = (reading.attention * lesson.places).sum((3, 4))[shown]
    looking = -hit.clamp_min(1e-3).log().sum() / max(1, int(shown.sum()))
    return torch.stack(parts).mean() + LOOKING * looking


def judge_step(state: TrainingState[torch.optim.AdamW], lesson: Lesson, recipe: JudgeRecipe) -> float:
    """One optimizer step; returns the loss."""
    share = rate_share(state.step, warmup=recipe.warmup_steps, steps=recipe.steps)
    for group in state.optimizer.param_groups:
        group["lr"] = share * recipe.learning_rate
    torch.manual_seed(recipe.seed * 1_000_003 + state.step)
    loss = judge_loss(state.model, lesson)
    state.optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(state.model.parameters(), 1.0)
    state.optimizer.step()
    state.step += 1
    return float(loss.detach())


def train(run: JudgeRun) -> TrainingState[torch.optim.AdamW]:
    """Train until the last step, the early stop or SIGTERM; the state is saved in every case."""
    recipe, source, state = run.recipe, ClipSource(run), begin(run)
    plan = Plan("judge", min(recipe.steps, run.stop_at or recipe.steps), run.state_path.parent, recipe.checkpoint_every)
    state.model.train()
    train_steps(state, plan, lambda: judge_step(state, source.batch(state.step), recipe))
    state.model.eval()
    return state


def floors(judge: Judge, clips: Clips, told: Sequence[Facts]) -> dict[str, float]:
    """Share of clips that the judge reads right, by attribute (as the benchmark tells it) and together."""
    return text.shares(told, judge.read(clips))


def finish(run: JudgeRun, state: TrainingState[torch.optim.AdamW], target: Path) -> dict[str, object]:
    """Write the judge's folder; returns and records its floors."""
    judge = state.model.eval()
    save_judge(judge, target, run.recipe.mixture)
    shards = [read_shard(run.folder / "held_out", number) for number in shard_numbers(run.folder / "held_out")]
    clips = np.concatenate([shard.frames for shard in shards])
    told = [facts(scene) for shard in shards for scene in shard.scenes]
    found = {"true renders": floors(judge, clips, told)}
    soft = min(SOFT_CLIPS, len(clips))
    found["after the codec"] = floors(judge, round_trip(run.codec, clips[:soft]), told[:soft])
    made = {
        "recipe": run.name, "mixture": run.recipe.mixture, "seed": run.recipe.seed, "batch": run.recipe.batch,
        "steps": state.step, "hours": state.seconds / 3600.0, "held": len(clips), "soft": soft,
        "held_shards": len(shards),
        "clips": len(ClipSource(run).clips), "shards": len(shard_numbers(run.folder / "clips")),
        "parameters": sum(parameter.numel() for parameter in judge.parameters()) / 1e6,
    }
    (run.folder / "judge" / "report.json").write_text(json.dumps({**made, **found}, indent=1) + "\n")
    (target / "README.md").write_text(card_text(made, found), encoding="utf-8")
    return {**made, **found}


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, and write the judge when the last step is done (or with --finish at once)."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recipe", choices=sorted(JUDGE_RECIPES), default="cpu")
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--codec", type=Path, default=Path("assets/models/toybox/vae"))
    parser.add_argument("--target", type=Path, default=Path("assets/models/toybox-judge"))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--stop-at", type=int)
    parser.add_argument("--begin-with", type=Path, help="an earlier judge's folder")
    parser.add_argument("--finish", action="store_true", help="write the judge even if the last step is not reached")
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    cv2.setNumThreads(1)
    run = JudgeRun(options.recipe, options.run, options.codec, options.stop_at, options.begin_with)
    state = train(run)
    if options.finish or state.step >= run.recipe.steps:
        print(json.dumps(finish(run, state, options.target), indent=1))


if __name__ == "__main__":
    main()
