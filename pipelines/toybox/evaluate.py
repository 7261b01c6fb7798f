"""Does a generated clip show what its prompt says? A check of every attribute on held-out prompts.

    python -m pipelines.toybox.evaluate --folder assets/models/toybox --prompts 48

The judge is kernel ridge regression (radial kernel) from small thumbnails of a clip to its attributes, fitted on new
renders. Its own accuracy on other true renders of the same held-out scenes is reported beside each figure as the floor
to compare with, and so is that of always guessing. Held-out scenes contain a (colour, shape, ground) triple that
training never showed. Start pictures are judged by the PSNR of the first frame.
"""

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import WanVACEPipeline
from torch import Tensor

from pipelines.toybox.captions import attributes, caption
from pipelines.toybox.render import render
from pipelines.toybox.report import contact_sheet
from pipelines.toybox.samples import FrameArray, Settings, load, sample, settings_of
from pipelines.toybox.sampling import sample_held_out, sample_scene
from pipelines.toybox.scene import Scene

JUDGED = ("colour", "shape", "ground", "sky", "camera", "motion")
THUMBNAIL, THUMBNAIL_FRAMES = 20, (0, 4, 8, 12, 16)
REFERENCE_SIZE = 64
EVALUATION_SEED = 7_000_000


def thumbnails(clips: Tensor) -> Tensor:
    """uint8 (B, 17, H, W, 3) to float features (B, F): five frames of 20 x 20 pixels in 0..1."""
    chosen = clips[:, list(THUMBNAIL_FRAMES)].float().div(255.0)
    batch, frames = chosen.shape[:2]
    small = F.interpolate(chosen.flatten(0, 1).permute(0, 3, 1, 2), size=(THUMBNAIL, THUMBNAIL), mode="area")
    return small.reshape(batch, frames * 3 * THUMBNAIL**2)


@dataclass(frozen=True)
class Judge:
    """Reads the attributes off clips by comparing their thumbnails with those of known renders."""

    known: Tensor
    weights: dict[str, Tensor]
    names: dict[str, tuple[str, ...]]
    width: float

    @staticmethod
    def fit(features: Tensor, facts: Sequence[dict[str, str]], ridge: float = 0.01) -> "Judge":
        """A judge that knows these thumbnails (N, F) and what they show."""
        distances = torch.cdist(features, features)
        width = float(distances[distances > 0].median()) / 2.0
        kernel = torch.exp(-((distances / width) ** 2) / 2.0) + ridge * torch.eye(len(features))
        names = {key: tuple(sorted({fact[key] for fact in facts})) for key in JUDGED}
        targets = {
            key: torch.tensor([[float(fact[key] == name) for name in names[key]] for fact in facts]) for key in JUDGED
        }
        weights = {key: torch.linalg.solve(kernel.double(), targets[key].double()).float() for key in JUDGED}
        return Judge(features, weights, names, width)

    def read(self, features: Tensor) -> list[dict[str, str]]:
        """The attributes of thumbnails (N, F)."""
        kernel = torch.exp(-((torch.cdist(features, self.known) / self.width) ** 2) / 2.0)
        best = {key: (kernel @ weight).argmax(1).tolist() for key, weight in self.weights.items()}
        return [{key: self.names[key][best[key][row]] for key in JUDGED} for row in range(len(features))]


def reference_judge(count: int) -> Judge:
    """A judge fitted on `count` fresh small renders."""
    scenes = [sample_scene(np.random.default_rng([EVALUATION_SEED, 1, index])) for index in range(count)]
    parts = [thumbnails(render([scene], width=REFERENCE_SIZE, height=REFERENCE_SIZE).frames) for scene in scenes]
    return Judge.fit(torch.cat(parts), [attributes(scene) for scene in scenes])


def agreement(asked: Sequence[dict[str, str]], seen: Sequence[dict[str, str]]) -> dict[str, float]:
    """Share of clips in which each attribute is as asked, and in which the place and the thing all are."""
    shares = {key: float(np.mean([a[key] == s[key] for a, s in zip(asked, seen, strict=True)])) for key in JUDGED}
    whole = ("colour", "shape", "ground", "sky", "camera")
    together = [all(a[key] == s[key] for key in whole) for a, s in zip(asked, seen, strict=True)]
    return shares | {"all but motion": float(np.mean(together))}


@dataclass(frozen=True)
class Evaluation:
    """Figures by name, and the clips they were measured on with their captions."""

    figures: dict[str, object]
    clips: list[FrameArray]
    captions: list[str]


def evaluate(pipe: WanVACEPipeline, settings: Settings, count: int, references: int) -> Evaluation:
    """Generate `count` held-out prompts and judge them."""
    judge = reference_judge(references)
    drawn = [_held_out(index) for index in range(count)]
    asked = [attributes(scene) for scene, _ in drawn]
    truth = [render([scene]).frames for scene, _ in drawn]
    begun = time.perf_counter()
    clips = [sample(pipe, text, index, settings) for index, (_, text) in enumerate(drawn)]
    seconds = (time.perf_counter() - begun) / count
    generated = torch.from_numpy(np.stack(clips))
    figures: dict[str, object] = {
        "generated": agreement(asked, judge.read(thumbnails(generated))),
        "true renders": agreement(asked, judge.read(thumbnails(torch.cat(truth)))),
        "guessing": {key: 1.0 / len(judge.names[key]) for key in JUDGED},
        "start picture psnr_db": _start_psnr(pipe, settings, drawn[:8], truth[:8]),
        "seconds per clip": seconds,
        "prompts": count,
    }
    return Evaluation(figures, clips, [text for _, text in drawn])


def _held_out(index: int) -> tuple[Scene, str]:
    rng = np.random.default_rng([EVALUATION_SEED, 2, index])
    scene = sample_held_out(rng)
    return scene, caption(scene, rng)


def _start_psnr(
    pipe: WanVACEPipeline, settings: Settings, drawn: Sequence[tuple[Scene, str]], truth: Sequence[Tensor]
) -> float:
    """Mean PSNR in dB between the given picture and the first frame of the clip made from it."""
    values = []
    for (_, text), frames in zip(drawn, truth, strict=True):
        picture = frames[0, 0].numpy()
        made = sample(pipe, text, 0, settings, first=picture)[0]
        error = np.mean((made.astype(float) - picture.astype(float)) ** 2)
        values.append(10.0 * np.log10(255.0**2 / max(float(error), 1e-3)))
    return float(np.mean(values))


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the figures as JSON; write them and a sheet where asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--prompts", type=int, default=48)
    parser.add_argument("--references", type=int, default=1200)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--sheet", type=Path)
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    settings = settings_of(options.folder)
    result = evaluate(load(options.folder), settings, options.prompts, options.references)
    text = json.dumps(result.figures, indent=1)
    print(text)
    if options.json:
        options.json.write_text(text + "\n")
    if options.sheet:
        contact_sheet(result.clips[:16], result.captions[:16], options.sheet)


if __name__ == "__main__":
    main()
