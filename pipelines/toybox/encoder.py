"""The codec's fitted encoder as two matrices: the same latents in a fraction of the time.

`codec_init` makes the encoder linear up to its last normalisation and blind beyond a 16 x 16 block and four frames.
Both matrices are read off the network by encoding unit vectors; what follows them is the network's own. Use
`encoder_of`: it falls back to the network where the two disagree (a codec whose encoder was trained further).
"""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from diffusers import AutoencoderKLWan
from torch import Tensor

from pipelines.toybox.codec import SPATIAL_FACTOR, encode_moments
from pipelines.toybox.control import encode, normalised

GROUP = 4
CLOSE = 0.03
"""Largest difference in normalised latents at which both count as the same."""

Encode = Callable[[Tensor], Tensor]


class BlockEncoder:
    """Pixels float (B, 3, T, H, W) in -1..1 to normalised latents (B, z, T', H', W') in float32."""

    def __init__(self, codec: AutoencoderKLWan) -> None:
        self.codec = codec.float()
        self.first = self._matrix(1)
        self.later = self._matrix(GROUP)

    @torch.no_grad()
    def __call__(self, pixels: Tensor) -> Tensor:
        hidden = [_project(pixels[:, :, :1], 1, self.first)]
        if pixels.shape[2] > 1:
            hidden.append(_project(pixels[:, :, 1:], GROUP, self.later))
        encoder = self.codec.encoder
        raw = encoder.conv_out(encoder.nonlinearity(encoder.norm_out(torch.cat(hidden, 2))))
        return normalised(self.codec, self.codec.quant_conv(raw).chunk(2, dim=1)[0])

    @torch.no_grad()
    def _matrix(self, frames: int) -> tuple[Tensor, Tensor]:
        """(C, 3 * frames * 256) and the offset (C,) from a block's pixels to the input of the last normalisation."""
        width, side = 3 * frames * SPATIAL_FACTOR**2, SPATIAL_FACTOR
        units = torch.cat([torch.zeros(1, width), torch.eye(width)]).view(-1, 3, frames, side, side)
        answers = []
        for part in units.split(256):
            clip = part if frames == 1 else torch.cat([torch.zeros(len(part), 3, 1, side, side), part], 2)
            answers.append(self._before_norm(clip)[:, :, -1, 0, 0])
        table = torch.cat(answers)
        return (table[1:] - table[:1]).T.contiguous(), table[0]

    def _before_norm(self, pixels: Tensor) -> Tensor:
        caught: list[Tensor] = []

        def keep(module: Any, inputs: tuple[Tensor, ...]) -> None:
            caught.append(inputs[0])

        hook = self.codec.encoder.norm_out.register_forward_pre_hook(keep)
        try:
            encode_moments(self.codec, pixels)
        finally:
            hook.remove()
        return torch.cat(caught, 2)


def _project(pixels: Tensor, frames: int, matrix: tuple[Tensor, Tensor]) -> Tensor:
    """Every block of `frames` frames times the matrix: (B, C, T / frames, H / 16, W / 16)."""
    batch, _, count, height, width = pixels.shape
    side, groups = SPATIAL_FACTOR, count // frames
    blocks = pixels.view(batch, 3, groups, frames, height // side, side, width // side, side)
    rows = blocks.permute(0, 2, 4, 6, 1, 3, 5, 7).reshape(-1, matrix[0].shape[1])
    hidden = F.linear(rows, *matrix).view(batch, groups, height // side, width // side, -1)
    return hidden.permute(0, 4, 1, 2, 3)


@torch.no_grad()
def encoder_of(codec: AutoencoderKLWan) -> Encode:
    """The fastest function that encodes as this codec does."""
    if codec.device.type != "cpu":
        return lambda pixels: encode(codec, pixels)
    fast = BlockEncoder(codec)
    noise = torch.rand(1, 3, 1 + 2 * GROUP, 4 * SPATIAL_FACTOR, 4 * SPATIAL_FACTOR) * 2.0 - 1.0
    same = torch.allclose(fast(noise), encode(codec, noise), atol=CLOSE)
    return fast if same else (lambda pixels: encode(codec, pixels))
