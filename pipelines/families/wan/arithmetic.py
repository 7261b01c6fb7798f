"""Bytes and operations of a request on a Wan VACE checkpoint, counted from its configuration alone.

Operations count a multiply-add as two. The activation bytes are those of 16-bit tensors, fitted to measured peaks of
the Wan 2.1 codec and of transformer blocks of the 1.3B size on a CPU (within a fifth). The manager never trusts them:
it re-reads what the device says.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from pipelines.domain.conditioning import ReferenceImage
from pipelines.domain.request import GenerationRequest
from pipelines.families.arithmetic import held
from pipelines.families.family import Footprint
from pipelines.families.wan.configs import TransformerConfig, VaeConfig, WanFolder

HALF_BYTES = 2
TILE = 256  # pixels per side of the codec's tiles, the stock default
_LIVE_MAPS = 7  # feature maps alive at once in a residual block: input, norm, activation, padding, output, shortcut
_WORKSPACE = 200 * 10**6  # what kernels take besides, never more than the weights they work with


@dataclass(frozen=True, kw_only=True)
class Workload:
    """The latent volume of a request: `frames` x `height` x `width` cells, `references` frames put before them."""

    frames: int
    height: int
    width: int
    references: int
    text_tokens: int

    def tokens(self, patch: tuple[int, int, int]) -> int:
        time, height, width = patch
        return ((self.frames + self.references) // time) * (self.height // height) * (self.width // width)


def workload(folder: WanFolder, request: GenerationRequest, text_tokens: int) -> Workload:
    """How much latent volume a request is."""
    return Workload(
        frames=1 + (request.num_frames - 1) // folder.vae.temporal,
        height=request.height // folder.vae.spatial,
        width=request.width // folder.vae.spatial,
        references=sum(isinstance(part, ReferenceImage) for part in request.conditioning),
        text_tokens=text_tokens,
    )


def count(folder: WanFolder, request: GenerationRequest, text_tokens: int) -> Footprint:
    """The footprint of a request, weights in 16 bits."""
    work = workload(folder, request, text_tokens)
    passes = request.steps * (2 if request.guidance > 1 else 1)
    encodes = 2 + work.references / work.frames
    vae = folder.vae
    encode = encodes * vae_flops(vae, work, vae.base_dim, vae.res_blocks)
    decode = vae_flops(vae, work, vae.decoder_dim, vae.res_blocks + 1)
    text = 2 * 2 * folder.weights["text_encoder"].parameters * text_tokens
    denoising = denoising_bytes(folder.transformer, work)
    components = {name: HALF_BYTES * weights.parameters for name, weights in folder.weights.items()}
    packed = {name: weights.packed_bytes for name, weights in folder.weights.items() if weights.packed_bytes}
    workspace = min(_WORKSPACE, components["transformer"])
    return replace(
        held(components, packed),
        activations=workspace + max(denoising, decoding_bytes(vae, request)),
        tiled_activations=workspace + max(denoising, decoding_bytes(vae, request, tile=TILE)),
        flops=passes * transformer_flops(folder.transformer, work) + encode + decode + text,
    )


def transformer_flops(config: TransformerConfig, work: Workload) -> float:
    """One pass of the transformer with its VACE branch."""
    n, t, d = work.tokens(config.patch), work.text_tokens, config.dim
    projections = 2 * d * d * (6 * n + 2 * t)
    attention = 4 * n * d * (n + t)
    feed_forward = 4 * n * d * config.ffn_dim
    block = projections + attention + feed_forward
    return config.layers * block + config.vace_layers * (block + 2 * n * d * d)


def vae_flops(config: VaeConfig, work: Workload, base_dim: int, blocks: int) -> float:
    """One decode (or encode) of the whole clip: the 3x3x3 convolutions of every level."""
    cells = float(work.frames * work.height * work.width)
    total = 0.0
    grow_time = config.downsample_time[::-1]
    for level, mult in enumerate(reversed(config.dim_mult)):
        total += cells * 27 * 2 * (base_dim * mult) ** 2 * 2 * blocks
        if level < len(config.dim_mult) - 1:
            cells *= 8 if grow_time[level] else 4
    return total


def denoising_bytes(config: TransformerConfig, work: Workload) -> int:
    """Activations of one transformer pass, the hints of every VACE layer among them."""
    n = work.tokens(config.patch)
    hidden = n * config.dim * HALF_BYTES
    live = 16 + config.vace_layers  # 16-bit and fp32 copies around one block, and the hints kept until used
    return hidden * live + 2 * n * config.ffn_dim * HALF_BYTES


def decoding_bytes(config: VaeConfig, request: GenerationRequest, tile: int | None = None) -> int:
    """Activations of the VAE's decoder at its last level, and the clip it gathers."""
    pixels = request.width * request.height
    at_once = pixels if tile is None else min(pixels, tile * tile)
    channels = config.decoder_dim * max(config.dim_mult[0], config.dim_mult[min(1, len(config.dim_mult) - 1)])
    frames = config.temporal * _LIVE_MAPS + 2 * 2 * (config.res_blocks + 1)
    features = frames * at_once // config.patch**2 * channels * HALF_BYTES
    return features + request.num_frames * pixels * 3 * (2 * HALF_BYTES + 4)
