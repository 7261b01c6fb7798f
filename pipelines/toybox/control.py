"""What the VACE branch sees, built exactly as `WanVACEPipeline.prepare_video_latents` and `prepare_masks` build it.

Latents here are normalised float (B, z, T', H', W'); the control is (B, 2 z + 256, T', H', W'): the latents of the
kept part (the rest grey), those of the part to make (grey here), and the mask's 16 x 16 pixels as channels.
"""

import torch
import torch.nn.functional as F
from diffusers import AutoencoderKLWan
from torch import Tensor

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


def keep_only(pixels: Tensor, frames: tuple[int, ...]) -> Tensor:
    """The pixels with every frame but these grey."""
    kept = torch.zeros_like(pixels)
    for frame in frames:
        kept[:, :, frame] = pixels[:, :, frame]
    return kept


def start_picture(clip: Tensor, grey: Tensor) -> Tensor:
    """Latents of a clip's first frame followed by grey, out of the clip's and a grey clip's latents.

    The fitted encoder looks at each group of frames alone, so this equals encoding `keep_only(pixels, (0,))`.
    """
    return torch.cat([clip[:, :, :1], grey[:, :, 1:].to(clip).expand(len(clip), -1, -1, -1, -1)], dim=2)


def frame_mask(num_frames: int, size: tuple[int, int], kept: tuple[int, ...]) -> Tensor:
    """Pixel mask (1, 1, T, H, W): 0 on the kept frames, 1 where the model is to generate."""
    mask = torch.ones(1, 1, num_frames, *size)
    mask[:, :, list(kept)] = 0.0
    return mask


def mask_channels(mask: Tensor) -> Tensor:
    """A pixel mask (B, 1, T, H, W) as channels (B, 256, T', H', W'), sampled in time by nearest-exact."""
    batch, _, frames, height, width = mask.shape
    rows, columns, side = height // SPATIAL_FACTOR, width // SPATIAL_FACTOR, SPATIAL_FACTOR
    tiles = mask[:, 0].view(batch, frames, rows, side, columns, side).permute(0, 3, 5, 1, 2, 4)
    tiles = tiles.reshape(batch, side * side, frames, rows, columns)
    return F.interpolate(tiles, size=((frames + 3) // 4, rows, columns), mode="nearest-exact")


def control(inactive: Tensor, reactive: Tensor, mask: Tensor) -> Tensor:
    """Join the latents of the kept part and of the part to make with the mask's channels."""
    return torch.cat([inactive, reactive, mask.to(inactive).expand(len(inactive), -1, -1, -1, -1)], dim=1)
