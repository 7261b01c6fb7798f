"""What the VACE branch sees, built exactly as `WanVACEPipeline.prepare_video_latents` and `prepare_masks` build it.

Latents here are normalised float (B, z, T', H', W'); the control is (B, 2 z + 256, T', H', W'): the latents of the
kept part (the rest grey), those of the part to make (grey here), and the mask's 16 x 16 pixels as channels.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from diffusers import AutoencoderKLWan
from torch import Tensor

from pipelines.families.wan.conditioning import VaceInput
from pipelines.toybox.codec import SPATIAL_FACTOR, encode_moments


def normalised(codec: AutoencoderKLWan, latents: Tensor) -> Tensor:
    """Raw latent means scaled by the statistics in the codec's config, in float32."""
    shape = (1, codec.config.z_dim, 1, 1, 1)
    mean = torch.tensor(codec.config.latents_mean, device=latents.device).view(shape)
    deviation = torch.tensor(codec.config.latents_std, device=latents.device).view(shape)
    return (latents.float() - mean) / deviation


@torch.no_grad()
def encode(codec: AutoencoderKLWan, pixels: Tensor) -> Tensor:
    """Normalised latents (B, z, T', H', W') in float32 of pixels (B, 3, T, H, W) in -1..1."""
    return normalised(codec, encode_moments(codec, pixels.to(codec.dtype))[0])


def given_pixels(given: VaceInput) -> tuple[Tensor, Tensor]:
    """Pixels (2, 3, T, H, W) of the kept part and of the part to make, and the mask (1, 1, T, H, W)."""
    video = torch.from_numpy(given.video).permute(3, 0, 1, 2)[None] * 2.0 - 1.0
    mask = torch.from_numpy(given.mask)[None, None]
    mask = torch.where(mask > 0.5, 1.0, 0.0)
    return torch.cat([video * (1.0 - mask), video * mask]), mask


def mask_channels(mask: Tensor) -> Tensor:
    """A pixel mask (B, 1, T, H, W) as channels (B, 256, T', H', W'), sampled in time by nearest-exact."""
    batch, _, frames, height, width = mask.shape
    rows, columns, side = height // SPATIAL_FACTOR, width // SPATIAL_FACTOR, SPATIAL_FACTOR
    tiles = mask[:, 0].view(batch, frames, rows, side, columns, side).permute(0, 3, 5, 1, 2, 4)
    tiles = tiles.reshape(batch, side * side, frames, rows, columns)
    return F.interpolate(tiles, size=((frames + 3) // 4, rows, columns), mode="nearest-exact")


def control(parts: Tensor, mask: Tensor) -> Tensor:
    """Join latents (B, 2 z, T', H', W') of the kept part and of the part to make with the mask's channels."""
    return torch.cat([parts, mask.to(parts)], dim=1)


def with_reference(made: Tensor, picture: Tensor) -> Tensor:
    """Put the latents (B, z, 1, H', W') of a reference picture before a control: nothing to make, nothing masked."""
    silent = picture.new_zeros(len(picture), made.shape[1] - picture.shape[1], *picture.shape[2:])
    return torch.cat([torch.cat([picture, silent], dim=1).to(made), made], dim=2)


def encode_given(encoder: Callable[[Tensor], Tensor], given: VaceInput) -> tuple[Tensor, Tensor]:
    """The two parts' latents (2 z, T', H', W') and the mask's channels (256, T', H', W') of a composed request."""
    pixels, mask = given_pixels(given)
    return encoder(pixels).flatten(0, 1), mask_channels(mask)[0]
