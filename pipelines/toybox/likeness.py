"""How much a clip shows one certain thing: an encoder of single frames, trained on renders of the whole world.

It learns to tell colour, shape and pattern of the one thing in a scene, also of combinations, patterns and colours that
no model of a smaller mixture was ever trained on; what it knows of a frame before it decides is the frame's feature.
Two frames are alike as far as their features point the same way.

    python -m pipelines.toybox.likeness --target assets/models/toybox-likeness
"""

import argparse
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from pipelines.toybox.judge import Clips
from pipelines.toybox.likeness_card import card_text
from pipelines.toybox.render import render
from pipelines.toybox.sampling import FULL, sample_scene
from pipelines.toybox.scene import COLOURS, PATTERNS, SHAPES, Scene

SIDE = 64
FEATURES = 96
FRAMES = (0, 4, 8, 12, 16)
HEADS = {"colour": tuple(COLOURS), "shape": SHAPES, "pattern": PATTERNS}
WEIGHTS = "likeness.safetensors"
STEPS, BATCH, HELD = 1500, 64, 300


class Encoder(nn.Module):
    """Frames float (B, 3, 64, 64) in -1..1 to features (B, FEATURES), and to scores of colour, shape and pattern."""

    def __init__(self) -> None:
        super().__init__()
        widths = (3, 32, 64, 96)
        blocks = [_block(a, b) for a, b in zip(widths[:-1], widths[1:], strict=True)]
        self.body = nn.Sequential(*blocks)
        self.where = nn.Conv2d(widths[-1], 2, 1)
        self.features = nn.Linear(2 * widths[-1], FEATURES)
        self.heads = nn.ModuleDict({name: nn.Linear(FEATURES, len(choices)) for name, choices in HEADS.items()})

    def forward(self, frames: Tensor) -> Tensor:
        """Features of unit length."""
        maps = self.body(frames)
        look = self.where(maps).flatten(2).softmax(-1)
        there = torch.einsum("bkp,bcp->bkc", look, maps.flatten(2)).flatten(1)
        return F.normalize(self.features(there), dim=1)

    def scores(self, features: Tensor) -> dict[str, Tensor]:
        """Scores of every head."""
        return {name: head(8.0 * features) for name, head in self.heads.items()}


def _block(inside: int, outside: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inside, outside, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(outside), nn.ReLU(inplace=True),
        nn.Conv2d(outside, outside, 3, padding=1, bias=False), nn.BatchNorm2d(outside), nn.ReLU(inplace=True),
    )


def prepare(frames: Clips) -> Tensor:
    """Frames uint8 (N, H, W, 3) as the encoder takes them."""
    pixels = torch.from_numpy(np.ascontiguousarray(frames)).permute(0, 3, 1, 2).float() / 127.5 - 1.0
    return F.interpolate(pixels, (SIDE, SIDE), mode="area")


@torch.inference_mode()
def describe(encoder: Encoder, clips: Clips) -> Tensor:
    """One feature (N, FEATURES) of each clip uint8 (N, T, H, W, 3): the mean of some of its frames, of unit length."""
    picked = sorted({min(place, clips.shape[1] - 1) for place in FRAMES})
    count = len(picked)
    features = encoder(prepare(clips[:, picked].reshape(-1, *clips.shape[2:])))
    return F.normalize(features.view(len(clips), count, -1).mean(1), dim=1)


@dataclass(frozen=True)
class Pictures:
    """Single frames uint8 (N, H, W, 3) and the places of their facts in `HEADS`, int64 (N, heads)."""

    frames: Clips
    facts: Tensor


def one_thing(rng: np.random.Generator) -> Scene:
    """A scene with a single thing of any colour, shape and pattern, its camera standing still."""
    while True:
        scene = sample_scene(rng, FULL)
        if scene.figure is None and len(scene.objects) == 1:
            thing = replace(scene.objects[0], motion="still", size="medium", pattern=str(rng.choice(PATTERNS)))
            return replace(scene, objects=(thing,), camera=replace(scene.camera, kind="static", amount=0.0))


def pictures(count: int, seed: int) -> Pictures:
    """Renders of `count` random scenes of one thing."""
    rng = np.random.default_rng(seed)
    scenes = [one_thing(rng) for _ in range(count)]
    frames = np.concatenate([render([scene], num_frames=1).frames[:, 0].numpy() for scene in scenes])
    facts = [[HEADS[name].index(getattr(scene.objects[0], name)) for name in HEADS] for scene in scenes]
    return Pictures(frames, torch.tensor(facts))


def train(seen: Pictures, steps: int = STEPS, batch: int = BATCH, seed: int = 5) -> Encoder:
    """An encoder of these pictures, also when they are soft and noisy as a codec leaves them."""
    torch.manual_seed(seed)
    encoder = Encoder().train()
    optimizer = torch.optim.AdamW(encoder.parameters(), lr=2e-3, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=steps)
    data = prepare(seen.frames)
    generator = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        chosen = torch.randint(len(data), (batch,), generator=generator)
        scores = encoder.scores(encoder(softened(data[chosen], generator)))
        losses = [F.cross_entropy(score, seen.facts[chosen, place]) for place, score in enumerate(scores.values())]
        optimizer.zero_grad()
        torch.stack(losses).sum().backward()
        optimizer.step()
        schedule.step()
    return encoder.eval()


def softened(frames: Tensor, generator: torch.Generator) -> Tensor:
    """Frames mirrored and moved at random, most of them blurred, in stronger or weaker colours, with some noise."""
    if torch.rand((), generator=generator) < 0.5:
        frames = frames.flip(3)
    shift = torch.randint(-6, 7, (2,), generator=generator).tolist()
    frames = frames.roll(shift, (2, 3))
    very, little, sharp = frames.tensor_split(3)
    frames = torch.cat([_blurred(very, 12, 20, generator), _blurred(little, 20, 40, generator), sharp])
    contrast, light = 0.8 + 0.5 * torch.rand((2, len(frames), 1, 1, 1), generator=generator)
    middle = frames.mean((2, 3), keepdim=True)
    frames = ((frames - middle) * contrast + middle + 0.3 * (light - 1.05)).clamp(-1, 1)
    return frames + 0.04 * torch.randn(frames.shape, generator=generator)


def _blurred(frames: Tensor, least: int, most: int, generator: torch.Generator) -> Tensor:
    """Frames made as small as a random side in between, and large again."""
    side = int(torch.randint(least, most, (), generator=generator))
    small = F.interpolate(frames, (side, side), mode="area")
    return F.interpolate(small, (SIDE, SIDE), mode="bilinear", align_corners=False)


@torch.inference_mode()
def accuracy(encoder: Encoder, frames: Tensor, facts: Tensor) -> dict[str, float]:
    """The share of prepared frames whose colour, shape and pattern are told right."""
    scores = encoder.scores(encoder(frames))
    return {
        name: float((score.argmax(1) == facts[:, place]).float().mean())
        for place, (name, score) in enumerate(scores.items())
    }


def save(encoder: Encoder, folder: Path) -> None:
    """Write the weights."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: value.contiguous() for name, value in encoder.state_dict().items()}, folder / WEIGHTS)


def load(folder: Path) -> Encoder:
    """The encoder of a folder, ready to describe."""
    encoder = Encoder()
    encoder.load_state_dict(load_file(folder / WEIGHTS))
    return encoder.eval()


def threshold(same: Sequence[float], other: Sequence[float]) -> float:
    """The likeness that parts two sets of true renders best: as many of the one below as of the other above.

    Where several do it equally well, the middle of them.
    """
    known = sorted({-1.0, *same, *other, 1.0})
    levels = [(a + b) / 2 for a, b in itertools.pairwise(known)]
    below = [sum(value < level for value in same) / max(1, len(same)) for level in levels]
    above = [sum(value >= level for value in other) / max(1, len(other)) for level in levels]
    errors = [max(a, b) for a, b in zip(below, above, strict=True)]
    best = [place for place, error in enumerate(errors) if error == min(errors)]
    return (known[best[0]] + known[best[-1] + 1]) / 2


def main() -> None:
    """Train the encoder, and write it with a card that says how often it is right on renders it has not seen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", type=Path, required=True)
    parser.add_argument("--renders", type=int, default=3000)
    options = parser.parse_args()
    encoder = train(pictures(options.renders, seed=1))
    save(encoder, options.target)
    (options.target / "README.md").write_text(card_of(encoder, options.renders, pictures(HELD, seed=2)), "utf-8")


def card_of(encoder: Encoder, renders: int, held: Pictures) -> str:
    """The text of its card."""
    parameters = sum(parameter.numel() for parameter in encoder.parameters()) / 1e6
    facts = {"parameters": parameters, "renders": renders, "steps": STEPS, "batch": BATCH, "held": len(held.frames)}
    soft = softened(prepare(held.frames), torch.Generator().manual_seed(3))
    return card_text(facts, accuracy(encoder, prepare(held.frames), held.facts), accuracy(encoder, soft, held.facts))


if __name__ == "__main__":
    main()
