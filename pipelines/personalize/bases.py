"""What a training needs of a base model: latents of pictures, states of texts, and its denoiser's velocity.

One class for each kind of pipeline; a family that can be trained is one more class and one line in `KINDS`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Protocol

import torch
from numpy.typing import NDArray
from torch import Tensor

from pipelines.domain.errors import InvalidRequest, Problem


class Base(Protocol):
    """A base model as a training sees it; `pipe` is the stock pipeline."""

    pipe: Any
    targets: tuple[str, ...]
    shift: float

    def latents(self, frames: NDArray[Any]) -> Tensor:
        """Normalised latents float32 (1, z, t, h, w) of frames uint8 (T, H, W, 3)."""
        ...

    def states(self, prompts: Sequence[str]) -> Tensor:
        """What the denoiser reads of texts, (B, L, d). Gradients reach the words' rows."""
        ...

    def velocity(self, noisy: Tensor, sigma: Tensor, states: Tensor) -> Tensor:
        """Velocity noise - latents, float32, at noise levels sigma (B,) in 0..1."""
        ...


class WanBase:
    """Wan text to video, and Wan VACE without any condition besides the words."""

    targets: tuple[str, ...] = ("to_q", "to_k", "to_v", "to_out.0")

    def __init__(self, pipe: Any, max_sequence_length: int, shift: float) -> None:
        self.pipe = pipe
        self.shift = shift
        self._length = max_sequence_length
        self._controls: dict[tuple[int, ...], Tensor] = {}

    @torch.no_grad()
    def latents(self, frames: NDArray[Any]) -> Tensor:
        vae = self.pipe.vae
        pixels = torch.from_numpy(frames).permute(3, 0, 1, 2)[None].float() / 127.5 - 1.0
        raw = vae.encode(pixels.to(vae.device, vae.dtype)).latent_dist.mode().float()
        mean, deviation = (moment.to(raw.device) for moment in _moments(vae))
        return ((raw - mean) / deviation).cpu()

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

    def velocity(self, noisy: Tensor, sigma: Tensor, states: Tensor) -> Tensor:
        transformer = self.pipe.transformer
        extra = {}
        if hasattr(transformer, "vace_blocks") or "vace_layers" in transformer.config:
            extra["control_hidden_states"] = self._control(noisy).expand(len(noisy), -1, -1, -1, -1)
        velocity: Tensor = transformer(
            hidden_states=noisy.to(transformer.dtype),
            timestep=sigma * 1000.0,
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


KINDS: Mapping[str, type[WanBase]] = MappingProxyType({"WanVACEPipeline": WanBase, "WanPipeline": WanBase})


def base_of(pipe: Any, max_sequence_length: int, shift: float) -> Base:
    """The base of a pipeline. Raises InvalidRequest for a kind that cannot be trained here."""
    name = type(pipe).__name__
    if name not in KINDS:
        message = f"Subjects cannot be trained on a model of the kind {name} yet."
        hint = "Choose a Wan model, or use pictures as a reference without training."
        raise InvalidRequest((Problem(field="model", message=message, hint=hint),))
    return KINDS[name](pipe, max_sequence_length, shift)
