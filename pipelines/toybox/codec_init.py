"""Set a codec's encoder to a hierarchical principal component analysis of rendered clips, in closed form.

The residual blocks become the identity and the strided convolutions become the leading principal components of 2 x 2
(and, in time, 2 frame) blocks of the level above; a large constant channel keeps the last normalisation nearly linear.
Latents are then good from the first step on: only the decoder is left to train, and a denoiser can train beside it.
Channels are ordered by their energy. `fit_encoder` needs a few dozen clips and some seconds.
"""

import torch
from diffusers import AutoencoderKLWan
from diffusers.models.autoencoders.autoencoder_kl_wan import WanAttentionBlock, WanResidualBlock, patchify
from torch import Tensor, nn

from pipelines.toybox.codec import PATCH, encode_moments

ROWS = 60_000
CONSTANT = 3.0
SLOPE = 0.25
LOG_VARIANCE = -8.0


@torch.no_grad()
def fit_encoder(codec: AutoencoderKLWan, pixels: Tensor) -> None:
    """Set the encoder's weights from pixels (B, 3, T, H, W) in -1..1 and hold them fixed."""
    quiet_residuals(codec.encoder)
    copy_channels(codec.encoder.conv_in)
    hidden = codec.encoder.conv_in(patchify(pixels, PATCH))
    last = len(codec.encoder.down_blocks) - 1
    for level, block in enumerate(codec.encoder.down_blocks):
        for resnet in block.resnets:
            if not isinstance(resnet.conv_shortcut, nn.Identity):
                copy_channels(resnet.conv_shortcut)
        if level < last:
            spare = 1 if level == last - 1 else 0
            hidden = _fit_level(block, hidden, spare)
    _fit_head(codec, hidden * 2.0)
    _scale_latents(codec, pixels)
    codec.encoder.requires_grad_(False)
    codec.quant_conv.requires_grad_(False)


def quiet_residuals(module: nn.Module) -> None:
    """Make every residual and attention block start as its shortcut."""
    for part in module.modules():
        if isinstance(part, WanResidualBlock):
            nn.init.zeros_(part.conv2.weight)
            nn.init.zeros_(part.conv2.bias)
        elif isinstance(part, WanAttentionBlock):
            nn.init.zeros_(part.proj.weight)
            nn.init.zeros_(part.proj.bias)


def copy_channels(convolution: nn.Conv3d) -> None:
    """Make the convolution pass its input channels on, with zeros in the channels it adds."""
    middle = tuple(size // 2 if index else size - 1 for index, size in enumerate(convolution.kernel_size))
    nn.init.zeros_(convolution.weight)
    nn.init.zeros_(convolution.bias)
    for channel in range(min(convolution.in_channels, convolution.out_channels)):
        convolution.weight[(channel, channel, *middle)] = 1.0


def _squares(hidden: Tensor) -> Tensor:
    """The 2 x 2 blocks of every frame: (B, 4 C, T, H / 2, W / 2), channel-major, then row, then column."""
    batch, channels, frames, height, width = hidden.shape
    tiles = hidden.view(batch, channels, frames, height // 2, 2, width // 2, 2)
    return tiles.permute(0, 1, 4, 6, 2, 3, 5).reshape(batch, 4 * channels, frames, height // 2, width // 2)


def _rows(hidden: Tensor) -> Tensor:
    """(N, C) vectors of a (B, C, T, H, W) tensor, at most ROWS of them, evenly chosen."""
    rows = hidden.transpose(0, 1).flatten(1).T
    return rows[:: max(1, len(rows) // ROWS)].double()


def _fit_level(block: nn.Module, hidden: Tensor, spare: int) -> Tensor:
    """Fit one halving and return its output (B, C', T', H / 2, W / 2); `spare` channels are left to the constant."""
    shortcut = torch.cat([block.avg_shortcut(hidden[:, :, :1]), block.avg_shortcut(hidden[:, :, 1:])], 2)
    tiles, wanted = _squares(hidden), block.downsampler.dim
    rows = _rows(tiles)
    vectors = torch.linalg.eigh(rows.T @ rows)[1].flip(1)[:, : min(wanted - spare, rows.shape[1])].T.float()
    vectors = torch.cat([vectors, vectors.new_zeros(wanted - len(vectors), vectors.shape[1])])
    frames = torch.einsum("oc,bcthw->bothw", vectors, tiles)
    timed = block.downsampler.mode == "downsample3d"
    space = vectors - least_squares(tiles[:, :, :1] if timed else tiles, shortcut[:, :, :1] if timed else shortcut)
    _set_space(block.downsampler.resample[1], space, hidden.shape[1])
    if not timed:
        return frames
    target = _pair_target(frames, wanted - spare)
    inner = torch.einsum("oc,bcthw->bothw", space, tiles)[:, :, 1:]
    inner_pairs = torch.cat([inner[:, :, 0::2], inner[:, :, 1::2]], 1)
    _set_time(block.downsampler.time_conv, least_squares(inner_pairs, target - shortcut[:, :, 1:]))
    return torch.cat([frames[:, :, :1], target], 2)


def _pair_target(frames: Tensor, wanted: int) -> Tensor:
    """Means and half differences of frame pairs: the `wanted` most energetic, a mean always in its own channel."""
    first, second = frames[:, :, 1::2], frames[:, :, 2::2]
    mean, change = (first + second) / 2, (second - first) / 2
    energy = torch.cat([mean.square().mean((0, 2, 3, 4)), change.square().mean((0, 2, 3, 4))])
    best = set(energy.topk(wanted).indices.tolist())
    channels = frames.shape[1]
    target = torch.zeros_like(mean)
    free = [index for index in range(wanted) if index not in best]
    for index in range(wanted):
        if index in best:
            target[:, index] = mean[:, index]
    for place, index in zip(free, sorted(index for index in best if index >= channels), strict=False):
        target[:, place] = change[:, index - channels]
    return target


def least_squares(inputs: Tensor, outputs: Tensor) -> Tensor:
    """The matrix (outputs, inputs) that maps one (B, C, T, H, W) tensor's vectors to another's best."""
    left, right = _rows(inputs), _rows(outputs)
    gram = left.T @ left
    ridge = 1e-7 * gram.diagonal().mean() * torch.eye(len(gram), dtype=gram.dtype)
    return torch.linalg.solve(gram + ridge, left.T @ right).T.float()


def _set_space(convolution: nn.Conv2d, matrix: Tensor, channels: int) -> None:
    """Put a matrix over 2 x 2 blocks into a 3 x 3 convolution of stride 2 that is padded right and below."""
    nn.init.zeros_(convolution.weight)
    nn.init.zeros_(convolution.bias)
    convolution.weight[:, :channels, :2, :2] = matrix.view(len(matrix), channels, 2, 2)


def _set_time(convolution: nn.Conv3d, matrix: Tensor) -> None:
    """Put a matrix over frame pairs into the last two taps of a (3, 1, 1) convolution of stride 2."""
    nn.init.zeros_(convolution.weight)
    nn.init.zeros_(convolution.bias)
    first, second = matrix.chunk(2, dim=1)
    convolution.weight[:, :, 1, 0, 0], convolution.weight[:, :, 2, 0, 0] = first, second


def _fit_head(codec: AutoencoderKLWan, hidden: Tensor) -> None:
    """Carry the most energetic channels through the last normalisation to the latents' mean."""
    encoder, z_dim = codec.encoder, codec.config.z_dim
    energy = hidden.square().mean((0, 2, 3, 4))
    constant = CONSTANT * float(energy.sum().sqrt())
    halving = encoder.down_blocks[-2].downsampler
    halving.resample[1].bias[-1] = constant / 2.0
    halving.time_conv.bias[-1] = constant / 2.0
    deviation = energy.clamp_min(1e-8).sqrt()
    gain = SLOPE * (constant**2 + float(energy.sum())) ** 0.5 / (len(energy) ** 0.5 * deviation)
    gain[-1] = 0.0
    encoder.norm_out.gamma.copy_(gain.view_as(encoder.norm_out.gamma))
    order = energy[:-1].topk(z_dim).indices
    nn.init.zeros_(encoder.conv_out.weight)
    nn.init.zeros_(encoder.conv_out.bias)
    for place, channel in enumerate(order.tolist()):
        encoder.conv_out.weight[place, channel, 2, 1, 1] = float(deviation[channel])
    copy_channels(codec.quant_conv)
    codec.quant_conv.weight[z_dim:] = 0.0
    codec.quant_conv.bias[z_dim:] = LOG_VARIANCE


def _scale_latents(codec: AutoencoderKLWan, pixels: Tensor) -> None:
    """Bring the latents' mean square to 1, keeping the channels' proportions."""
    size = encode_moments(codec, pixels[:16])[0].square().mean().sqrt()
    codec.quant_conv.weight[: codec.config.z_dim] /= size
