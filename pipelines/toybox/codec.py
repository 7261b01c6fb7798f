"""The toy world's video codec: a stock `AutoencoderKLWan`, and an exact, faster way to run it while training.

Pixels are float (B, 3, T, H, W) in -1..1 with T = 1 + 4k; latents are (B, z, 1 + k, H / 16, W / 16).
"""

from types import MethodType

import torch
from diffusers import AutoencoderKLWan
from diffusers.models.autoencoders.autoencoder_kl_wan import WanRMS_norm, patchify, unpatchify
from torch import Tensor

from pipelines.toybox.recipes import CodecRecipe

PATCH = 2
SPATIAL_FACTOR = 16
TEMPORAL_DOWNSAMPLE = (False, True, True, False)
"""Four entries make the stock pipeline read 16x in space; encoder and decoder use the first three from their end."""


def build_codec(recipe: CodecRecipe) -> AutoencoderKLWan:
    """A fresh codec whose latents are not yet normalised (mean 0, deviation 1 in its config)."""
    return AutoencoderKLWan(
        base_dim=recipe.base_dim,
        decoder_base_dim=recipe.decoder_base_dim,
        z_dim=recipe.z_dim,
        dim_mult=list(recipe.dim_mult),
        num_res_blocks=recipe.num_res_blocks,
        temperal_downsample=list(TEMPORAL_DOWNSAMPLE),
        latents_mean=[0.0] * recipe.z_dim,
        latents_std=[1.0] * recipe.z_dim,
        is_residual=True,
        in_channels=3 * PATCH**2,
        out_channels=3 * PATCH**2,
        patch_size=PATCH,
        scale_factor_temporal=4,
        scale_factor_spatial=SPATIAL_FACTOR,
    )


def speed_up_norms(codec: AutoencoderKLWan) -> None:
    """Give each normalisation of this codec a forward with fewer passes over memory: a third less time per step."""
    for module in codec.modules():
        if isinstance(module, WanRMS_norm):
            module.forward = MethodType(_rms_norm, module)


def _rms_norm(self: WanRMS_norm, hidden: Tensor) -> Tensor:
    """What `WanRMS_norm` computes, the length in float32 and the rest in the dtype of `hidden`."""
    length = torch.linalg.vector_norm(hidden, dim=1, keepdim=True, dtype=torch.float32)
    return hidden * (self.scale / length.clamp_min(1e-12)).to(hidden.dtype) * self.gamma.to(hidden.dtype)


def encode_moments(codec: AutoencoderKLWan, pixels: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and log variance of the latents, equal to `codec.encode` but in two chunks instead of one per 4 frames.

    The codec is causal: after the first frame one long chunk sees exactly what the short ones would.
    """
    codec.clear_cache()
    patches = patchify(pixels, PATCH)
    parts = []
    for part in (patches[:, :, :1], patches[:, :, 1:]):
        if part.shape[2]:
            codec._enc_conv_idx = [0]
            parts.append(codec.encoder(part, feat_cache=codec._enc_feat_map, feat_idx=codec._enc_conv_idx))
    mean, log_variance = codec.quant_conv(torch.cat(parts, 2)).float().chunk(2, dim=1)
    codec.clear_cache()
    return mean, log_variance.clamp(-30.0, 20.0)


def decode_pixels(codec: AutoencoderKLWan, latents: Tensor) -> Tensor:
    """Pixels of latents, equal to `codec.decode` before its clamp (which would stop the gradient)."""
    codec.clear_cache()
    hidden = codec.post_quant_conv(latents)
    parts = []
    for first, part in ((True, hidden[:, :, :1]), (False, hidden[:, :, 1:])):
        if part.shape[2]:
            codec._conv_idx = [0]
            parts.append(
                codec.decoder(part, feat_cache=codec._feat_map, feat_idx=codec._conv_idx, first_chunk=first)
            )
    codec.clear_cache()
    return unpatchify(torch.cat(parts, 2), PATCH).float()


def to_pixels(frames: Tensor) -> Tensor:
    """uint8 (B, T, H, W, 3) to float (B, 3, T, H, W) in -1..1."""
    return frames.permute(0, 4, 1, 2, 3).float().div_(127.5).sub_(1.0)


def to_frames(pixels: Tensor) -> Tensor:
    """Float (B, 3, T, H, W) in -1..1 to uint8 (B, T, H, W, 3)."""
    return pixels.float().add(1.0).mul(127.5).round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 4, 1)
