"""Fixed-seed sample sheets of a run, through the stock pipeline.

    python -m pipelines.toybox.samples --folder assets/models/toybox --target sheet.png
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from diffusers import WanVACEPipeline

from pipelines.toybox.report import contact_sheet

FrameArray = npt.NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How clips are sampled: sizes in pixels and frames as trained, denoising steps, guidance, text window."""

    size: int = 128
    num_frames: int = 17
    steps: int = 20
    guidance: float = 3.0
    text_length: int = 32


def load(folder: Path) -> WanVACEPipeline:
    """The stock pipeline of a checkpoint folder in bfloat16, quiet."""
    pipe = WanVACEPipeline.from_pretrained(folder, dtype=torch.bfloat16)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def settings_of(folder: Path) -> Settings:
    """The recommended settings that stand in the folder's gimbal.json."""
    facts = json.loads((folder / "gimbal.json").read_text(encoding="utf-8"))
    return Settings(
        size=facts["sizes"][0][0],
        num_frames=facts["lengths"][0],
        steps=facts["steps"]["default"],
        guidance=facts["guidance"]["default"],
        text_length=facts["max_sequence_length"],
    )


def sample(
    pipe: WanVACEPipeline, prompt: str, seed: int, settings: Settings, first: FrameArray | None = None
) -> FrameArray:
    """One clip, uint8 (T, H, W, 3); `first` (H, W, 3) is the picture it starts from."""
    conditions = {} if first is None else start_conditions(first, settings)
    frames = pipe(
        prompt=prompt,
        height=settings.size,
        width=settings.size,
        num_frames=settings.num_frames,
        num_inference_steps=settings.steps,
        guidance_scale=settings.guidance,
        max_sequence_length=settings.text_length,
        generator=torch.Generator("cpu").manual_seed(seed),
        output_type="np",
        **conditions,
    ).frames[0]
    clip: FrameArray = np.clip(frames * 255.0 + 0.5, 0, 255).astype(np.uint8)
    return clip


def start_conditions(first: FrameArray, settings: Settings) -> dict[str, torch.Tensor]:
    """The pipeline's `video` and `mask` arguments for a clip that starts from a picture: the rest is grey and free."""
    shape = (1, settings.num_frames, 3, settings.size, settings.size)
    video, mask = torch.full(shape, 0.5), torch.ones(shape)
    video[0, 0] = torch.from_numpy(first.copy()).permute(2, 0, 1).float() / 255.0
    mask[0, 0] = 0.0
    return {"video": video, "mask": mask}


def main(arguments: Sequence[str] | None = None) -> None:
    """Write a sheet of the folder's own example prompts (or of the given ones)."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--target", type=Path, required=True)
    parser.add_argument("--prompt", action="append", default=[])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--guidance", type=float)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    known = settings_of(options.folder)
    settings = Settings(
        size=known.size, num_frames=known.num_frames, text_length=known.text_length,
        steps=options.steps or known.steps, guidance=options.guidance or known.guidance,
    )
    facts = json.loads((options.folder / "gimbal.json").read_text(encoding="utf-8"))
    prompts, pipe = options.prompt or facts["examples"], load(options.folder)
    contact_sheet([sample(pipe, prompt, options.seed, settings) for prompt in prompts], prompts, options.target)


if __name__ == "__main__":
    main()
