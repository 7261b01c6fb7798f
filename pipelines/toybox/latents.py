"""Encode rendered shards into a cache of latents and of conditions that the transformer trains on.

    python -m pipelines.toybox.latents --recipe cpu --run RUN --shards 200

Renders the shards it needs (a shard's pixels are dropped after encoding with --drop-pixels), and writes
RUN/latents/NNNNN.pt: for each clip, plain and mirrored, its normalised latents, some conditions drawn by `mixing` (the
latents of both parts and the mask's bits), a reference picture's latents, all in bfloat16, the share of every latent's
pixels that shows things, its captions, and one that tells the place alone.
RUN/latents/grey.pt holds the latent of a grey clip.
"""

import argparse
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderKLWan
from torch import Tensor

from pipelines.toybox.captions import place_caption
from pipelines.toybox.clips import Shard, drop_shard, read_shard, shard_numbers, write_shard
from pipelines.toybox.codec import SPATIAL_FACTOR, speed_up_norms, to_pixels
from pipelines.toybox.control import encode_given
from pipelines.toybox.encoder import Encode, encoder_of
from pipelines.toybox.mixing import FIGURE_IN, GROUP, Bytes, Truth, draw, reference, shares
from pipelines.toybox.recipes import RECIPES, Recipe

MIRRORED = {"left": "right", "right": "left"}


def mirror_caption(text: str) -> str:
    """The caption of the mirrored clip: left and right change places."""
    return re.sub(r"\b(left|right)\b", lambda word: MIRRORED[word.group()], text)


@torch.no_grad()
def encode_shard(encoder: Encode, recipe: Recipe, run: Path, number: int) -> None:
    """Write the latents and conditions of one rendered shard, unless they are there already."""
    target = run / "latents" / f"{number:05d}.pt"
    if target.exists():
        return
    shard = read_shard(run / "clips", number)
    order = [(index, flip) for flip in (False, True) for index in range(len(shard.scenes))]
    variants = [encode_variant(encoder, recipe, shard, index, flip) for index, flip in order]
    captions, places = with_mirrored(shard.captions), with_mirrored([[text] for text in places_of(recipe, shard)])
    record: dict[str, Any] = {name: torch.stack([each[name] for each in variants]) for name in variants[0]}
    _save(record | {"captions": captions, "places": places}, target)


def places_of(recipe: Recipe, shard: Shard) -> list[str]:
    """For each clip of a shard a caption that names its place and camera, not its things."""
    rngs = (np.random.default_rng([recipe.seed, 5, shard.number, index]) for index in range(len(shard.scenes)))
    return [place_caption(scene, rng) for scene, rng in zip(shard.scenes, rngs, strict=True)]


def with_mirrored(captions: Sequence[Sequence[str]]) -> list[list[str]]:
    """The captions of a shard's clips, then those of their mirror images."""
    return [list(texts) for texts in captions] + [[mirror_caption(text) for text in texts] for texts in captions]


def encode_variant(encoder: Encode, recipe: Recipe, shard: Shard, index: int, flip: bool) -> dict[str, Tensor]:
    """One clip as it trains: `clip` (z, T', H', W'), `parts` (K, 2 z, T', H', W') and `masks` (K, bytes), `picture`,
    and `things` (T', H', W'), the share of what each latent shows that is a thing or a person, in 255ths.
    """
    rng = np.random.default_rng([recipe.seed, 4, shard.number, index, int(flip)])
    truth = Truth.of(shard, index)
    truth = truth.mirrored() if flip else truth
    names, weights = zip(*shares(truth).items(), strict=True)
    chosen = rng.choice(names, size=recipe.transformer.patterns, replace=False, p=np.array(weights) / sum(weights))
    given = [encode_given(encoder, draw(truth, str(name), rng)) for name in chosen]
    picture = torch.from_numpy(reference(truth, rng)[None, None])
    half = torch.bfloat16
    return {
        "clip": encoder(to_pixels(torch.from_numpy(truth.frames[None])))[0].to(half),
        "parts": torch.stack([parts for parts, _ in given]).to(half),
        "masks": torch.stack([pack(mask) for _, mask in given]),
        "picture": encoder(to_pixels(picture))[0].to(half),
        "things": torch.from_numpy(things(truth.instances)),
    }


def things(instances: Bytes) -> Bytes:
    """How much of each latent shows things, uint8 (T', H', W'), from the labels (T, H, W) of its pixels."""
    count, height, width = instances.shape
    seen = (instances >= FIGURE_IN).reshape(count, height // SPATIAL_FACTOR, SPATIAL_FACTOR, -1, SPATIAL_FACTOR)
    shares = seen.mean(axis=(2, 4))
    later = shares[1:].reshape(-1, GROUP, *shares.shape[1:]).mean(axis=1)
    return np.rint(255.0 * np.concatenate([shares[:1], later])).astype(np.uint8)


def pack(mask: Tensor) -> Tensor:
    """A mask of zeros and ones as uint8, eight to a byte."""
    return torch.from_numpy(np.packbits(mask.numpy().astype(bool)))


def unpack(packed: Tensor, shape: Sequence[int]) -> Tensor:
    """The mask (float32, of this shape) that `pack` packed."""
    count = int(np.prod(shape))
    return torch.from_numpy(np.unpackbits(packed.numpy(), count=count).reshape(shape).astype(np.float32))


def write_grey(encoder: Encode, recipe: Recipe, run: Path) -> None:
    """Write the latent (1, z, T', H', W') of an all-grey clip, float32."""
    target = run / "latents" / "grey.pt"
    if not target.exists():
        _save({"grey": encoder(torch.zeros(1, 3, recipe.num_frames, recipe.size, recipe.size))}, target)


def _save(record: dict[str, Any], target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    waiting = target.with_suffix(".part")
    torch.save(record, waiting)
    waiting.replace(target)


class LatentCache:
    """The encoded clips of a run, mapped into memory, growing as shards arrive."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.numbers: list[int] = []
        self.records: list[dict[str, Any]] = []
        self.places: list[tuple[int, int]] = []
        self.grey: Tensor = torch.load(folder / "grey.pt", weights_only=True)["grey"]
        self.refresh()

    def __len__(self) -> int:
        return len(self.places)

    def refresh(self) -> None:
        """Take up the shards that came since."""
        for path in sorted(self.folder.glob("[0-9]*.pt")):
            if int(path.stem) not in self.numbers:
                record = torch.load(path, weights_only=True, mmap=True)
                self.numbers.append(int(path.stem))
                self.places += [(len(self.records), index) for index in range(len(record["captions"]))]
                self.records.append(record)

    def get(self, index: int, name: str) -> Any:
        """`clip`, `parts`, `masks`, `picture`, `captions` or `places` of one clip, see `encode_variant`."""
        record, place = self.places[index]
        return self.records[record][name][place]


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
    recipe, encoder = RECIPES[options.recipe], encoder_of(load_codec(options.run, options.device))
    write_grey(encoder, recipe, options.run)
    for number in range(options.offset, options.shards, options.stride):
        if (options.run / "latents" / f"{number:05d}.pt").exists():
            continue
        if number not in shard_numbers(options.run / "clips"):
            write_shard(options.run / "clips", recipe, number, device=options.device)
        encode_shard(encoder, recipe, options.run, number)
        if options.drop_pixels:
            drop_shard(options.run / "clips", number)


if __name__ == "__main__":
    main()
