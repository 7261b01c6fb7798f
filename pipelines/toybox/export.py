"""Write trained parts as one checkpoint folder that the stock `WanVACEPipeline.from_pretrained` loads.

    python -m pipelines.toybox.export --recipe cpu --run RUN --target assets/models/toybox
"""

import argparse
import copy
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from diffusers import AutoencoderKLWan, WanVACEPipeline

from pipelines.domain.conditioning import CONDITIONING_TYPES
from pipelines.toybox.camera_limits import camera_limits
from pipelines.toybox.latents import LatentCache
from pipelines.toybox.networks import Denoiser, build_scheduler
from pipelines.toybox.recipes import RECIPES, Recipe
from pipelines.toybox.vocabulary import build_tokenizer

Module = TypeVar("Module", bound=torch.nn.Module)
KEPT_FILES = ("README.md", "LICENSE")
EXAMPLES = (
    "a red ball on grass under a clear sky, the camera pushes in",
    "a person in a blue shirt and red trousers is waving on sand at sunset, static camera",
    "a blue cone on sand at sunset, the camera pans left",
    "the camera cranes up, a black cube in the desert under a clear sky",
    "a yellow cube to the left of a pink ball on a tiled floor on a cloudy day, the camera orbits left",
    "a green pillar on a wooden floor under an overcast sky, the camera trucks left",
    "tilt up, a pink column standing still on a meadow at sunset",
)
WEAKNESSES = (
    "It knows one or two plain things or one person, 128 x 128 pixels and two seconds. Pictures are soft, a person has "
    "no arms and no face, shapes can change during a clip, what a mask keeps comes back soft, and words outside "
    "its vocabulary mean nothing to it."
)


@dataclass(frozen=True, kw_only=True)
class Defaults:
    """Settings that the finished checkpoint is best used with."""

    steps: int = 20
    guidance: float = 3.0
    fps: int = 8


def words_of(latents: Path) -> list[str]:
    """Every word that the captions of encoded clips use, sorted: what the model has seen, not more."""
    cache = LatentCache(latents)
    texts = (text for index in range(len(cache)) for text in cache.get(index, "captions"))
    return sorted({word for text in texts for word in text.replace(",", " ").split()})


def about(recipe: Recipe, words: Sequence[str], defaults: Defaults) -> Mapping[str, Any]:
    """The content of gimbal.json: what the studio's forms need to know about this checkpoint."""
    return {
        "version": 1,
        "title": "Toybox",
        "summary": "A tiny world model trained from scratch on rendered toy scenes: runs anywhere in seconds.",
        "licence": "Apache-2.0",
        "weaknesses": WEAKNESSES,
        "examples": list(EXAMPLES),
        "vocabulary": list(words),
        "sizes": [[recipe.size, recipe.size]],
        "lengths": [recipe.num_frames],
        "fps": {"low": 4, "high": 24, "default": defaults.fps},
        "steps": {"low": 4, "high": 50, "default": defaults.steps},
        "guidance": {"low": 1.0, "high": 8.0, "default": defaults.guidance},
        "negative_prompt": True,
        "shift": recipe.transformer.shift,
        "max_sequence_length": recipe.transformer.text_length,
        "conditionings": sorted(part.kind for part in CONDITIONING_TYPES),
        "camera_limits": camera_limits(recipe.mixture, recipe.num_frames),
    }


def assemble(recipe: Recipe, denoiser: Denoiser, codec: AutoencoderKLWan) -> WanVACEPipeline:
    """The pipeline of trained parts, in bfloat16 on the CPU; the denoiser given is left as it is."""
    parts = copy.deepcopy(denoiser).cpu().eval()
    return WanVACEPipeline(
        tokenizer=build_tokenizer(recipe.transformer),
        text_encoder=to_bfloat16(parts.text_encoder),
        vae=to_bfloat16(codec.cpu()),
        scheduler=build_scheduler(recipe.transformer),
        transformer=to_bfloat16(parts.transformer),
    )


def to_bfloat16(module: Module) -> Module:
    """The module with its parameters in bfloat16, but for those its class wants in float32 (norms and tables)."""
    precise = tuple(getattr(module, "_keep_in_fp32_modules", None) or ())
    for name, parameter in module.named_parameters():
        if not any(part in name.split(".") for part in precise):
            parameter.data = parameter.data.to(torch.bfloat16)
    return module


def write_folder(recipe: Recipe, pipe: WanVACEPipeline, words: Sequence[str], target: Path) -> None:
    """Replace the checkpoint folder at `target` by this pipeline, trained on these words; its model card is kept."""
    with replacing(target) as fresh:
        pipe.save_pretrained(fresh, safe_serialization=True)
        _name_tokenizer_class(fresh)
        _forget_origins(fresh)
        write_about(fresh, about(recipe, words, Defaults()))


def write_about(folder: Path, facts: Mapping[str, Any]) -> None:
    """Write the folder's gimbal.json."""
    (folder / "gimbal.json").write_text(json.dumps(facts, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """A new folder to fill, which then takes the place of `target`; what people wrote in the old one is kept."""
    fresh, old = target.with_name(f".{target.name}.new"), target.with_name(f".{target.name}.old")
    for folder in (fresh, old):
        shutil.rmtree(folder, ignore_errors=True)
    yield fresh
    for name in KEPT_FILES:
        if (target / name).exists():
            shutil.copy2(target / name, fresh / name)
    if target.exists():
        target.rename(old)
    fresh.rename(target)
    shutil.rmtree(old, ignore_errors=True)


def _name_tokenizer_class(folder: Path) -> None:
    """Name the tokenizer's class as every version of transformers knows it (version 5 writes an internal name)."""
    for path in (folder / "model_index.json", folder / "tokenizer" / "tokenizer_config.json"):
        path.write_text(path.read_text().replace('"TokenizersBackend"', '"PreTrainedTokenizerFast"'))


def _forget_origins(folder: Path) -> None:
    """Take out of the configurations where on this machine their parts were read from."""
    for path in folder.glob("*/config.json"):
        config = json.loads(path.read_text(encoding="utf-8"))
        if config.pop("_name_or_path", None) is not None:
            path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> None:
    """Export the averaged weights of a run's newest state."""
    from pipelines.toybox.train_transformer import TransformerRun, averaged_denoiser

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recipe", choices=sorted(RECIPES), default="cpu")
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--target", type=Path, required=True)
    options = parser.parse_args(arguments)
    recipe = RECIPES[options.recipe]
    denoiser = averaged_denoiser(TransformerRun(recipe, options.run))
    codec = AutoencoderKLWan.from_pretrained(options.run / "codec" / "vae", dtype=torch.bfloat16)
    write_folder(recipe, assemble(recipe, denoiser, codec), words_of(options.run / "latents"), options.target)


if __name__ == "__main__":
    main()
