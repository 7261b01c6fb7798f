"""CogVideoX as a base: a diffusion model that answers v, with frames before channels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from pipelines.families.family import ModelCard
from pipelines.personalize.bases.pixels import as_clip
from pipelines.personalize.noise import Diffusion
from pipelines.personalize.settings import Settings


class Trained:
    """CogVideoX text to video, versions 1.0 and 1.5."""

    targets: tuple[str, ...] = ("to_q", "to_k", "to_v", "to_out.0")

    def __init__(self, pipe: Any, card: ModelCard, settings: Settings) -> None:
        self.pipe = pipe
        self._length = int(card.settings["max_sequence_length"])
        self.arguments = {"max_sequence_length": self._length}
        self.noise = Diffusion(pipe.scheduler.alphas_cumprod, pipe.scheduler.config.prediction_type)

    @torch.no_grad()
    def latents(self, frames: NDArray[Any]) -> Tensor:
        vae = self.pipe.vae
        raw: Tensor = vae.encode(as_clip(frames, vae)).latent_dist.mode().float() * vae.config.scaling_factor
        group = self.pipe.transformer.config.patch_size_t or 1
        lacking = -raw.shape[2] % group  # version 1.5 joins frames; the pipeline too puts what is lacking in front
        return torch.cat([raw[:, :, :1].repeat(1, 1, lacking, 1, 1), raw], dim=2).cpu()

    def unpacked(self, made: Tensor) -> Tensor:
        return made.transpose(1, 2)

    def states(self, prompts: Sequence[str]) -> Tensor:
        states: Tensor = self.pipe.encode_prompt(
            list(prompts), do_classifier_free_guidance=False, max_sequence_length=self._length
        )[0]
        return states

    def velocity(self, noisy: Tensor, levels: Tensor, states: Tensor) -> Tensor:
        transformer = self.pipe.transformer
        answer: Tensor = transformer(
            hidden_states=noisy.transpose(1, 2).to(transformer.dtype),
            timestep=self.noise.timesteps(levels),
            encoder_hidden_states=states.to(transformer.dtype),
            image_rotary_emb=self._rotary(noisy),
            return_dict=False,
        )[0]
        return answer.transpose(1, 2).float()

    def _rotary(self, noisy: Tensor) -> Any:
        pipe, (frames, height, width) = self.pipe, noisy.shape[2:]
        if not pipe.transformer.config.use_rotary_positional_embeddings:
            return None
        side = pipe.vae_scale_factor_spatial
        return pipe._prepare_rotary_positional_embeddings(height * side, width * side, frames, noisy.device)
