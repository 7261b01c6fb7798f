"""The teacher's paths: from noise to clip under classifier-free guidance, cut where the student's steps end.

For each interval a path keeps where it starts and the mean velocity of the guided teacher across it, which is what the
student's one step must be (Salimans and Ho 2022, with the guidance folded in as by Meng et al. 2023).
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers import WanVACETransformer3DModel
from torch import Tensor
from transformers import UMT5EncoderModel

from pipelines.toybox.distil_recipes import DistilRecipe, bounds
from pipelines.toybox.networks import embed_text, tokenize
from pipelines.toybox.recipes import Recipe
from pipelines.toybox.train_transformer import Batch
from pipelines.toybox.vocabulary import build_tokenizer

NOISE_SEED = 6


@dataclass(frozen=True)
class Paths:
    """A batch of paths: `starts` and `velocities` (4, B, z, T', H', W') by interval, `control` and text `states`."""

    starts: Tensor
    velocities: Tensor
    control: Tensor
    states: Tensor

    def save(self, target: Path) -> None:
        """Write in bfloat16, whole or not at all."""
        target.parent.mkdir(parents=True, exist_ok=True)
        waiting = target.with_suffix(".part")
        torch.save({name: value.to(torch.bfloat16).cpu() for name, value in vars(self).items()}, waiting)
        waiting.replace(target)

    @staticmethod
    def load(path: Path) -> "Paths":
        """Mapped from the file, so that many batches need no memory."""
        return Paths(**torch.load(path, weights_only=True, mmap=True))


class Base:
    """The exported base checkpoint: its transformer, its text encoder, and the guidance it is best used with."""

    def __init__(self, folder: Path, recipe: Recipe, device: str) -> None:
        self.folder, self.recipe, self.device = folder, recipe, device
        self.text_encoder = UMT5EncoderModel.from_pretrained(folder / "text_encoder", dtype=torch.float32)
        self.text_encoder.requires_grad_(False).to(device).eval()
        self.guidance = float(json.loads((folder / "gimbal.json").read_text())["guidance"]["default"])

    def transformer(self) -> WanVACETransformer3DModel:
        """The transformer anew, in the numbers it is shipped in."""
        model = WanVACETransformer3DModel.from_pretrained(self.folder / "transformer", dtype=torch.bfloat16)
        return model.requires_grad_(False).to(self.device).eval()

    def fingerprint(self) -> str:
        """What changes with the transformer's weights."""
        weights = self.folder / "transformer" / "diffusion_pytorch_model.safetensors"
        return hashlib.sha256(weights.read_bytes()).hexdigest()[:12]

    @torch.no_grad()
    def states(self, text: tuple[Tensor, Tensor]) -> Tensor:
        """Text states (B, L, d)."""
        return embed_text(self.text_encoder, *text)

    def silence(self, count: int) -> Tensor:
        """Text states (count, L, d) of the empty prompt."""
        settings = self.recipe.transformer
        ids, mask = tokenize(build_tokenizer(settings), [""], settings.text_length)
        return self.states((ids.to(self.device), mask.to(self.device))).expand(count, -1, -1)


def velocity(model: WanVACETransformer3DModel, noisy: Tensor, sigma: Tensor, states: Tensor, control: Tensor) -> Tensor:
    """The model's velocity in float32 at noise levels sigma (B,)."""
    with torch.autocast(noisy.device.type, torch.bfloat16):
        told = model(
            hidden_states=noisy,
            timestep=sigma * 1000.0,
            encoder_hidden_states=states,
            control_hidden_states=control,
            return_dict=False,
        )[0]
    return told.float()


@dataclass(frozen=True)
class Teacher:
    """The base under guidance."""

    base: Base
    model: WanVACETransformer3DModel
    recipe: DistilRecipe

    @torch.no_grad()
    def paths(self, batch: Batch, number: int, student: WanVACETransformer3DModel | None = None) -> Paths:
        """Paths of the clips that a batch asks for, along the teacher's steps or, where one is given, the student's."""
        levels = bounds(self.recipe)
        states = self.base.states(batch.text)
        generator = torch.Generator().manual_seed(self.base.recipe.seed * 1_000_003 + NOISE_SEED + number)
        here = torch.randn(batch.latents.shape, generator=generator).to(batch.latents.device)
        starts, velocities = [], []
        for interval, (high, low) in enumerate(zip(levels[:-1], levels[1:], strict=True)):
            mean = (self._cross(here, interval, states, batch.control) - here) / (low - high)
            starts.append(here)
            velocities.append(mean)
            if student is not None:
                mean = velocity(student, here, here.new_full((len(here),), high), states, batch.control)
            here = here + (low - high) * mean
        return Paths(torch.stack(starts), torch.stack(velocities), batch.control, states)

    def _cross(self, here: Tensor, interval: int, states: Tensor, control: Tensor) -> Tensor:
        """Where the guided teacher arrives at the end of an interval."""
        high, low = bounds(self.recipe)[interval : interval + 2]
        count = self.recipe.substeps[interval]
        both = torch.cat([states, self.base.silence(len(here))])
        twice = torch.cat([control, control])
        step = (low - high) / count
        for index in range(count):
            sigma = here.new_full((2 * len(here),), high + index * step)
            asked, silent = velocity(self.model, torch.cat([here, here]), sigma, both, twice).chunk(2)
            here = here + step * (silent + self.base.guidance * (asked - silent))
        return here
