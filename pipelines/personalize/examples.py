"""What a training is given and what it keeps of it: pictures with captions, and their latents in a file.

Latents and the model's own clips of the class are made once and cached beside the training, so that a training that
goes on after an interruption sees the very same numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from pipelines.personalize.settings import Settings

PER_HELD_OUT = 10
"""Of fewer pictures each may be the only one of its place, and clips in that place lose by its absence."""


class Shown(Protocol):
    """What a training sees: frames uint8 (T, h, w, 3) and a caption with the token in it."""

    @property
    def frames(self) -> NDArray[np.uint8]: ...

    @property
    def caption(self) -> str: ...


@dataclass(frozen=True)
class Example:
    """One picture (or clip) of the subject, uint8 (T, h, w, 3), and its caption with the token in it."""

    frames: NDArray[np.uint8]
    caption: str


@dataclass(frozen=True)
class Latents:
    """Everything that is trained on: subject (N, z, t, h, w), held_out (H, ...) and prior (P, ...), with captions, and
    what each latent of the first two weighs, (N, 1, t, h, w) and (H, ...) or broadcast to it, see `weighing`.
    """

    subject: Tensor
    weights: Tensor
    captions: tuple[str, ...]
    held_out: Tensor
    held_weights: Tensor
    held_captions: tuple[str, ...]
    prior: Tensor
    prior_captions: tuple[str, ...]


def held_still(example: Shown, settings: Settings) -> NDArray[np.uint8]:
    """An example in the shape of the training: a picture is held still, a longer clip is cut in its middle."""
    frames = fitted(example.frames, settings.width, settings.height)
    if len(frames) < settings.num_frames:
        picked = np.linspace(0, len(frames) - 1, settings.num_frames).round().astype(int)
    else:
        first = (len(frames) - settings.num_frames) // 2
        picked = np.arange(first, first + settings.num_frames)
    return np.ascontiguousarray(frames[picked])


def fitted(frames: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """Frames scaled to cover a size, the rest cropped evenly."""
    from PIL import Image, ImageOps

    if frames.shape[1:3] == (height, width):
        return frames
    fit = (ImageOps.fit(Image.fromarray(f), (width, height), Image.Resampling.LANCZOS) for f in frames)
    return np.stack([np.asarray(image, np.uint8) for image in fit])


def split(examples: Sequence[Example], held_out: int) -> tuple[list[int], list[int]]:
    """Which examples are trained on and which are kept aside: one of every `PER_HELD_OUT` at most."""
    count = min(held_out, len(examples) // PER_HELD_OUT)
    every = len(examples) // (count + 1) if count else 0
    aside = [every * (place + 1) - 1 for place in range(count)]
    return [i for i in range(len(examples)) if i not in aside], aside


def read_cache(path: Path) -> dict[str, Tensor] | None:
    """The tensors of an earlier run, None where there are none that are whole."""
    try:
        return load_file(path)
    except (OSError, SafetensorError):
        return None


def write_cache(path: Path, tensors: dict[str, Tensor]) -> None:
    """Write tensors so that a reader sees all of them or the file as it was before."""
    part = path.with_suffix(".part")
    save_file({name: value.contiguous() for name, value in tensors.items()}, part)
    part.replace(path)


def encoded(path: Path, count: int, make: Callable[[int], Tensor]) -> Tensor:
    """`count` latents (1, ...) each made by `make`, or taken from the file at `path`; joined (count, ...)."""
    known = read_cache(path)
    if known is not None and len(known["latents"]) == count:
        return known["latents"]
    if not count:
        return torch.zeros(0)
    made = torch.cat([make(place).float().cpu() for place in range(count)])
    write_cache(path, {"latents": made})
    return made
