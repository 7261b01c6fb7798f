"""Encode rendered shards into a cache of latents that the transformer trains on.

    python -m pipelines.toybox.latents --recipe cpu --run RUN --shards 200

Renders the shards it needs (a shard's pixels are dropped after encoding with --drop-pixels), and writes
RUN/latents/NNNNN.pt: for each clip, plain and mirrored, its normalised latents in bfloat16 and its captions.
RUN/latents/grey.pt holds the latent of a grey clip.
"""

import argparse
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKLWan
from torch import Tensor

from pipelines.toybox.clips import read_shard, shard_numbers, write_shard
from pipelines.toybox.codec import speed_up_norms, to_pixels
from pipelines.toybox.control import encode
from pipelines.toybox.recipes import RECIPES, Recipe

MIRRORED = {"left": "right", "right": "left"}
ENCODE_BATCH = 4


def mirror_caption(text: str) -> str:
    """The caption of the mirrored clip: left and right change places."""
    return re.sub(r"\b(left|right)\b", lambda word: MIRRORED[word.group()], text)


def encode_shard(codec: AutoencoderKLWan, run: Path, number: int) -> None:
    """Write the latents of one rendered shard, unless they are there already."""
    target = run / "latents" / f"{number:05d}.pt"
    if target.exists():
        return
    shard = read_shard(run / "clips", number)
    frames = torch.from_numpy(np.array(shard.frames))
    frames = torch.cat([frames, frames.flip(3)])
    batches = [to_pixels(part).to(codec.device) for part in frames.split(ENCODE_BATCH)]
    parts = [encode(codec, batch).to(torch.bfloat16).cpu() for batch in batches]
    mirrored = [[mirror_caption(text) for text in texts] for texts in shard.captions]
    _save({"clip": torch.cat(parts), "captions": [list(texts) for texts in shard.captions] + mirrored}, target)


def write_grey(codec: AutoencoderKLWan, recipe: Recipe, run: Path) -> None:
    """Write the latent (1, z, T', H', W') of an all-grey clip, float32."""
    target = run / "latents" / "grey.pt"
    if not target.exists():
        grey = torch.zeros(1, 3, recipe.num_frames, recipe.size, recipe.size, device=codec.device)
        _save({"grey": encode(codec, grey).cpu()}, target)


def _save(record: dict[str, object], target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    waiting = target.with_suffix(".part")
    torch.save(record, waiting)
    waiting.replace(target)


class LatentCache:
    """The encoded clips of a run in memory, growing as shards arrive."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.numbers: list[int] = []
        self.clips: list[Tensor] = []
        self.captions: list[list[str]] = []
        self.grey: Tensor = torch.load(folder / "grey.pt", weights_only=True)["grey"]
        self.refresh()

    def __len__(self) -> int:
        return len(self.captions)

    def refresh(self) -> None:
        """Take up the shards that came since."""
        for path in sorted(self.folder.glob("[0-9]*.pt")):
            if int(path.stem) not in self.numbers:
                record = torch.load(path, weights_only=True)
                self.numbers.append(int(path.stem))
                self.clips += record["clip"].unbind()
                self.captions += record["captions"]


def load_codec(run: Path, device: str = "cpu") -> AutoencoderKLWan:
    """The trained codec of a run in bfloat16."""
    codec = AutoencoderKLWan.from_pretrained(run / "codec" / "vae", dtype=torch.bfloat16).to(device).eval()
    speed_up_norms(codec)
    return codec


def main(arguments: Sequence[str] | None = None) -> None:
    """Render what is missing and encode it, shard by shard."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recipe", choices=sorted(RECIPES), default="cpu")
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--shards", type=int, required=True)
    parser.add_argument("--offset", type=int, default=0)
    parser.add_argument("--stride", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--drop-pixels", action="store_true")
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    recipe, codec = RECIPES[options.recipe], load_codec(options.run, options.device)
    write_grey(codec, recipe, options.run)
    for number in range(options.offset, options.shards, options.stride):
        if (options.run / "latents" / f"{number:05d}.pt").exists():
            continue
        if number not in shard_numbers(options.run / "clips"):
            write_shard(options.run / "clips", recipe, number, device=options.device)
        encode_shard(codec, options.run, number)
        if options.drop_pixels:
            (options.run / "clips" / f"{number:05d}.json").unlink()
            (options.run / "clips" / f"{number:05d}.npy").unlink()


if __name__ == "__main__":
    main()
