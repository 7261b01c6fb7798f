"""LTX-Video as a base: its transformer reads latents as one line of tokens, and texts with their mask."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from diffusers.pipelines.ltx.pipeline_ltx import calculate_shift
from numpy.typing import NDArray
from torch import Tensor

from pipelines.families.family import ModelCard
from pipelines.personalize.bases.pixels import as_clip
from pipelines.personalize.noise import Flow
from pipelines.personalize.settings import Settings


class Trained:
    """LTX text to video, before version 0.9.5 and after, without any condition besides the words."""

    targets: tuple[str, ...] = ("to_q", "to_k", "to_v", "to_out.0")

    def __init__(self, pipe: Any, card: ModelCard, settings: Settings) -> None:
        self.pipe = pipe
        self._fps = float(card.capabilities.grid.fps.default)
        self._length = int(card.settings["max_sequence_length"])
        self.arguments = {"max_sequence_length": self._length, "frame_rate": self._fps}
        side, step = pipe.vae_spatial_compression_ratio, pipe.vae_temporal_compression_ratio
        self._size = (1 + (settings.num_frames - 1) // step, settings.height // side, settings.width // side)
        self._patch = (pipe.transformer_spatial_patch_size, pipe.transformer_temporal_patch_size)
        self.noise = Flow(_shift(pipe.scheduler.config, math.prod(self._size)))

    @torch.no_grad()
    def latents(self, frames: NDArray[Any]) -> Tensor:
        vae = self.pipe.vae
        raw = vae.encode(as_clip(frames, vae)).latent_dist.mode().float()
        clip: Tensor = self.pipe._normalize_latents(raw, vae.latents_mean, vae.latents_std, vae.config.scaling_factor)
        return clip.cpu()

    def unpacked(self, made: Tensor) -> Tensor:
        if made.ndim == 5:
            return made
        clip: Tensor = self.pipe._unpack_latents(made, *self._size, *self._patch)
        return clip

    def states(self, prompts: Sequence[str]) -> Tensor:
        """(B, L, d + 1): the last number of each place tells whether a word stands there."""
        states, mask, *_ = self.pipe.encode_prompt(
            list(prompts), do_classifier_free_guidance=False, max_sequence_length=self._length
        )
        return torch.cat([states, mask[..., None].to(states)], dim=-1)

    def velocity(self, noisy: Tensor, levels: Tensor, states: Tensor) -> Tensor:
        pipe, transformer = self.pipe, self.pipe.transformer
        levels = levels * 1000.0
        is_old = type(pipe).__name__ == "LTXPipeline"
        answer = transformer(
            hidden_states=pipe._pack_latents(noisy.to(transformer.dtype), *self._patch),
            timestep=levels if is_old else levels[:, None],
            encoder_hidden_states=states[..., :-1].to(transformer.dtype),
            encoder_attention_mask=states[..., -1] > 0.5,
            return_dict=False,
            **(self._grid(noisy) if is_old else {"video_coords": self._places(noisy)}),
        )[0]
        clip: Tensor = pipe._unpack_latents(answer.float(), *noisy.shape[2:], *self._patch)
        return clip

    def _grid(self, noisy: Tensor) -> dict[str, Any]:
        frames, height, width = noisy.shape[2:]
        side, step = self.pipe.vae_spatial_compression_ratio, self.pipe.vae_temporal_compression_ratio
        scale = (step / self._fps, side, side)
        return {"num_frames": frames, "height": height, "width": width, "rope_interpolation_scale": scale}

    def _places(self, noisy: Tensor) -> Tensor:
        """Where each token is, (B, 3, tokens) in seconds and pixels."""
        pipe, (patch, patch_time) = self.pipe, self._patch
        cells = pipe._prepare_video_ids(len(noisy), *noisy.shape[2:], patch, patch_time, noisy.device)
        side, step = pipe.vae_spatial_compression_ratio, pipe.vae_temporal_compression_ratio
        places: Tensor = pipe._scale_video_ids(cells, side, step, 0, noisy.device).float()
        places[:, 0] = places[:, 0] / self._fps
        return places


def _shift(config: Any, tokens: int) -> float:
    """How far the levels are shifted for that many tokens; the numbers are the scheduler's, else the pipeline's."""
    if not config.get("use_dynamic_shifting"):
        return float(config.get("shift") or 1.0)
    names = {"base_image_seq_len": 256, "max_image_seq_len": 4096, "base_shift": 0.5, "max_shift": 1.15}
    return math.exp(calculate_shift(tokens, *(config.get(name, value) for name, value in names.items())))
