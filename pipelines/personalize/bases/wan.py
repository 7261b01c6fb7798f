"""Wan as a base."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from pipelines.families.family import ModelCard
from pipelines.personalize.bases.pixels import as_clip
from pipelines.personalize.noise import Flow
from pipelines.personalize.settings import Settings


class Trained:
    """Wan text to video, and Wan VACE without any condition besides the words."""

    targets: tuple[str, ...] = ("to_q", "to_k", "to_v", "to_out.0", "ffn.net.0.proj", "ffn.net.2")

    def __init__(self, pipe: Any, card: ModelCard, settings: Settings) -> None:
        self.pipe = pipe
        self.noise = Flow(_shift(card, pipe))
        self._length = int(card.settings["max_sequence_length"])
        self.arguments = {"max_sequence_length": self._length}
        self._controls: dict[tuple[int, ...], Tensor] = {}

    @torch.no_grad()
    def latents(self, frames: NDArray[Any]) -> Tensor:
        vae = self.pipe.vae
        raw = vae.encode(as_clip(frames, vae)).latent_dist.mode().float()
        mean, deviation = (moment.to(raw.device) for moment in _moments(vae))
        return ((raw - mean) / deviation).cpu()

    def unpacked(self, made: Tensor) -> Tensor:
        return made

    def states(self, prompts: Sequence[str]) -> Tensor:
        encoder = self.pipe.text_encoder
        told = self.pipe.tokenizer(
            list(prompts),
            padding="max_length",
            max_length=self._length,
            truncation=True,
            return_attention_mask=True,
            return_tensors="pt",
        )
        mask = told.attention_mask.to(encoder.device)
        states: Tensor = encoder(told.input_ids.to(encoder.device), mask).last_hidden_state
        return states * mask.unsqueeze(-1).to(states.dtype)

    def velocity(self, noisy: Tensor, levels: Tensor, states: Tensor) -> Tensor:
        transformer = self.pipe.transformer
        extra = {}
        if hasattr(transformer, "vace_blocks") or "vace_layers" in transformer.config:
            extra["control_hidden_states"] = self._control(noisy).expand(len(noisy), -1, -1, -1, -1)
        velocity: Tensor = transformer(
            hidden_states=noisy.to(transformer.dtype),
            timestep=levels * 1000.0,
            encoder_hidden_states=states.to(transformer.dtype),
            return_dict=False,
            **extra,
        )[0]
        return velocity.float()

    @torch.no_grad()
    def _control(self, noisy: Tensor) -> Tensor:
        """What VACE is given where nothing is asked for: grey to make everywhere."""
        shape = tuple(noisy.shape[2:])
        if shape not in self._controls:
            pipe = self.pipe
            frames = 1 + (shape[0] - 1) * pipe.vae_scale_factor_temporal
            height, width = (side * pipe.vae_scale_factor_spatial for side in shape[1:])
            device = pipe.vae.device
            given = pipe.preprocess_conditions(None, None, None, 1, height, width, frames, torch.float32, device)
            parts = pipe.prepare_video_latents(*given, None, device)
            masks = pipe.prepare_masks(*given[1:], None)
            self._controls[shape] = torch.cat([parts, masks.to(parts)], dim=1)
        return self._controls[shape].to(noisy.device, self.pipe.transformer.dtype)


def _moments(vae: Any) -> tuple[Tensor, Tensor]:
    shape = (1, vae.config.z_dim, 1, 1, 1)
    return torch.tensor(vae.config.latents_mean).view(shape), torch.tensor(vae.config.latents_std).view(shape)


def _shift(card: ModelCard, pipe: Any) -> float:
    """How far the sampler's noise levels are shifted, from the card or the checkpoint's own scheduler."""
    config = pipe.scheduler.config
    return float(card.settings.get("shift") or config.get("shift") or config.get("flow_shift") or 1.0)
