"""Rendered training clips on disk: numbered shards that are each complete, reproducible from seed and number.

    python -m pipelines.toybox.clips --recipe cpu --folder RUN/clips --shards 200

A shard is `NNNNN.frames.npy`, uint8 (clips, T, H, W, 3), its truth in `NNNNN.depth.npy` (float16, metres along the
view, inf in the sky), `NNNNN.instances.npy` and `NNNNN.skeletons.npy` (see `render.Rendered`), and `NNNNN.json` with
each clip's scene and captions; poses follow from the scene. The JSON is written last, so a shard that has one is
whole. Several producers may share a folder with `--offset` and `--stride`.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from pipelines.toybox.captions import caption
from pipelines.toybox.recipes import RECIPES, Recipe
from pipelines.toybox.render import render
from pipelines.toybox.sampling import MIXTURES, sample_held_out, sample_scene
from pipelines.toybox.scene import Scene

CAPTIONS_PER_CLIP = 6
ARRAYS = {"frames": np.uint8, "depth": np.float16, "instances": np.uint8, "skeletons": np.float32}


@dataclass(frozen=True)
class Shard:
    """One shard: its number, its clips and their truth (memory-mapped), and their scenes and captions."""

    number: int
    frames: npt.NDArray[np.uint8]
    depth: npt.NDArray[np.float16]
    instances: npt.NDArray[np.uint8]
    skeletons: npt.NDArray[np.float32]
    scenes: tuple[Scene, ...]
    captions: tuple[tuple[str, ...], ...]


def draw_scenes(recipe: Recipe, number: int, *, held_out: bool = False) -> list[tuple[Scene, tuple[str, ...]]]:
    """The scenes of a shard and the captions each is told by."""
    drawn = []
    for index in range(recipe.shard_clips):
        rng = np.random.default_rng([recipe.seed, int(held_out), number, index])
        scene = (sample_held_out if held_out else sample_scene)(rng, MIXTURES[recipe.mixture])
        drawn.append((scene, tuple(caption(scene, rng) for _ in range(CAPTIONS_PER_CLIP))))
    return drawn


def write_shard(folder: Path, recipe: Recipe, number: int, *, held_out: bool = False, device: str = "cpu") -> None:
    """Render one shard, unless it is there already."""
    told = folder / f"{number:05d}.json"
    if told.exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    drawn = draw_scenes(recipe, number, held_out=held_out)
    size, count = recipe.size, recipe.num_frames
    clips = [render([scene], num_frames=count, width=size, height=size, device=device) for scene, _ in drawn]
    for name, kind in ARRAYS.items():
        with np.errstate(over="ignore"):  # what is too far for float16 is as far as the sky
            whole = np.concatenate([getattr(clip, name).cpu().numpy().astype(kind) for clip in clips])
        _write(folder / f"{number:05d}.{name}.npy", whole)
    records = [{"scene": scene.to_json(), "captions": captions} for scene, captions in drawn]
    waiting = told.with_suffix(".part")
    waiting.write_text(json.dumps(records))
    waiting.replace(told)


def _write(target: Path, values: npt.NDArray[Any]) -> None:
    waiting = target.with_suffix(".part")
    with waiting.open("wb") as stream:
        np.save(stream, values)
    waiting.replace(target)


def drop_shard(folder: Path, number: int) -> None:
    """Remove one shard, its JSON first, so that no half of it is ever taken for a whole."""
    (folder / f"{number:05d}.json").unlink()
    for name in ARRAYS:
        (folder / f"{number:05d}.{name}.npy").unlink()


def shard_numbers(folder: Path) -> list[int]:
    """The numbers of the complete shards in a folder, in order."""
    return sorted(int(path.stem) for path in folder.glob("*.json"))


def read_shard(folder: Path, number: int) -> Shard:
    """Open one complete shard."""
    records = json.loads((folder / f"{number:05d}.json").read_text())
    return Shard(
        number=number,
        **{name: np.load(folder / f"{number:05d}.{name}.npy", mmap_mode="r") for name in ARRAYS},
        scenes=tuple(Scene.from_json(record["scene"]) for record in records),
        captions=tuple(tuple(record["captions"]) for record in records),
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Render shards until the asked number is there."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recipe", choices=sorted(RECIPES), default="cpu")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--shards", type=int, required=True)
    parser.add_argument("--offset", type=int, default=0)
    parser.add_argument("--stride", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--held-out", action="store_true")
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    recipe = RECIPES[options.recipe]
    for number in range(options.offset, options.shards, options.stride):
        write_shard(options.folder, recipe, number, held_out=options.held_out, device=options.device)


if __name__ == "__main__":
    main()
