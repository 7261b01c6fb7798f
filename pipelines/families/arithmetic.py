"""Bytes and operations of a request on any stock pipeline, counted from a few numbers of its configuration.

Operations count a multiply-add as two. They are right to some tens of percent, which is enough to plan and to order
models: estimates learn from the machine's own runs, and the manager re-reads what the device says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from pipelines.domain.conditioning import ReferenceImage
from pipelines.domain.request import GenerationRequest
from pipelines.families.family import Footprint

HALF_BYTES = 2
TILE = 256  # pixels per side of a codec's tiles, the stock default of most
_LIVE = 24  # copies of a block's tokens alive at once, in widths of the model
_UNET_SHARE = 9  # a U-Net's weights work on a ninth of the cells on average (Stable Diffusion 1.5)
_UNET_LIVE = 40 * 320  # channels alive per cell at a U-Net's first level
_CODEC_FLOPS = 10e6  # per pixel and frame, of the codecs of Stable Diffusion and of Wan alike
_WORKSPACE = 200 * 10**6
_DENOISERS = ("transformer", "unet")


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What a model makes of pixels.

    spatial, temporal: pixels and frames per latent cell. patch, patch_time: latent cells per token.
    dim, layers: width and depth of a transformer; dim 0 = a U-Net. text_tokens: after padding.
    decode_bytes: what the decoder holds per pixel and frame in 16 bits. size_step, frames_step: the grid where it is
    coarser than cells and tokens ask. window: frames that are made at once, 0 = all. guided_passes: passes of a step
    with guidance, 1 where the guidance is one more number that the model reads.
    """

    spatial: int
    temporal: int
    patch: int = 1
    patch_time: int = 1
    dim: int = 0
    layers: int = 0
    text_tokens: int = 0
    decode_bytes: int = 700
    size_step: int = 0
    frames_step: int = 0
    window: int = 0
    guided_passes: int = 2

    @property
    def size_multiple(self) -> int:
        """Width and height are multiples of this many pixels."""
        return self.size_step or self.spatial * self.patch

    @property
    def frames_multiple(self) -> int:
        """num_frames is 1 + a multiple of this."""
        return self.frames_step or self.temporal


def held(components: Mapping[str, int], packed: Mapping[str, int]) -> Footprint:
    """The weights of a model alone. components: bytes in 16 bits; packed: of those that stay as in their files."""
    sizes = {**components, **packed}
    return Footprint(
        components=sizes,
        packed=frozenset(packed),
        streamed=sizes.get("vae", 0) + max(sizes.values(), default=0) // 20,
        activations=0,
        tiled_activations=0,
        flops=0.0,
    )


def count(
    shape: Shape, components: Mapping[str, int], request: GenerationRequest, packed: Mapping[str, int]
) -> Footprint:
    """The footprint of a request; components, packed: see `held`."""
    at_once = min(request.num_frames, shape.window or request.num_frames)
    sections = -(-request.num_frames // at_once)
    denoiser = next((components[name] // HALF_BYTES for name in _DENOISERS if name in components), 0)
    passes = request.steps * (shape.guided_passes if request.guidance > 1 else 1) * sections
    text = sum(size for name, size in components.items() if name.startswith("text_encoder"))
    pixels = request.width * request.height
    codec = 2 * _CODEC_FLOPS * pixels * request.num_frames
    workspace = min(_WORKSPACE, sum(components.values()))
    denoising, decoding = _denoising_bytes(shape, request, at_once), shape.decode_bytes * at_once
    clip = request.num_frames * pixels * 3 * 8
    return replace(
        held(components, packed),
        activations=workspace + max(denoising, decoding * pixels + clip),
        tiled_activations=workspace + max(denoising, decoding * min(pixels, TILE * TILE) + clip),
        flops=passes * _pass_flops(shape, denoiser, request, at_once) + codec + 2 * text * max(shape.text_tokens, 77),
    )


def _tokens(shape: Shape, request: GenerationRequest, num_frames: int) -> int:
    frames = -(-(1 + (num_frames - 1) // shape.temporal) // shape.patch_time)
    frames += sum(isinstance(part, ReferenceImage) for part in request.conditioning)
    return frames * (request.width // shape.spatial) * (request.height // shape.spatial) // shape.patch**2


def _pass_flops(shape: Shape, parameters: int, request: GenerationRequest, num_frames: int) -> float:
    """One pass of the denoiser: every weight once per token, and each token against all others."""
    tokens = _tokens(shape, request, num_frames)
    if not shape.dim:
        return 2.0 * parameters * tokens / _UNET_SHARE
    return 2.0 * parameters * tokens + 4.0 * shape.layers * shape.dim * tokens * (tokens + shape.text_tokens)


def _denoising_bytes(shape: Shape, request: GenerationRequest, num_frames: int) -> int:
    tokens = _tokens(shape, request, num_frames) + shape.text_tokens
    return tokens * (shape.dim * _LIVE if shape.dim else _UNET_LIVE) * HALF_BYTES
