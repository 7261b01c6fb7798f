"""The ground's colour: six materials with patterns that fade by the pixel's footprint, so nothing shimmers."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pipelines.toybox.render_sky import Rgb, linear


@dataclass(frozen=True)
class Patch:
    """Ground points: position x, z (N,) and pixel footprint along both axes (N,), metres; clip progress u (N,)."""

    x: Tensor
    z: Tensor
    span_x: Tensor
    span_z: Tensor
    progress: Tensor


def ground_colour(kind: str, patch: Patch, seed: int) -> Tensor:
    """Linear albedo (N, 3) of a ground material."""
    rng = np.random.default_rng((seed, 21))
    match kind:
        case "grass":
            tone = _waves(patch, rng, (1.9, 1.2, 0.8, 0.45), (0.34, 0.30, 0.26, 0.2))
            return _two_tone((0.26, 0.50, 0.13), (0.42, 0.64, 0.20), tone)
        case "sand":
            return _two_tone((0.78, 0.63, 0.40), (0.94, 0.82, 0.58), _ripples(patch, rng, 0.9, 0.9))
        case "snow":
            tone = _waves(patch, rng, (2.6, 1.7, 1.1), (0.42, 0.36, 0.28))
            return _two_tone((0.68, 0.77, 0.90), (0.89, 0.91, 0.95), tone)
        case "tiles":
            return _two_tone((0.45, 0.52, 0.60), (0.88, 0.86, 0.82), _checker(patch, 0.8))
        case "wood":
            return _planks(patch, rng)
        case _:
            drift = 0.5 * patch.progress
            moved = Patch(patch.x + 0.4 * drift, patch.z + drift, patch.span_x, patch.span_z, patch.progress)
            return _two_tone((0.02, 0.26, 0.42), (0.22, 0.58, 0.72), _ripples(moved, rng, 0.75, 1.6))


def _two_tone(dark: Rgb, light: Rgb, tone: Tensor) -> Tensor:
    """Blend of two display colours; tone in -1..1."""
    device = tone.device
    low, high = torch.tensor(linear(dark), device=device), torch.tensor(linear(light), device=device)
    return torch.lerp(low, high, (0.5 + 0.5 * tone).clamp(0.0, 1.0)[:, None])


def _wave(patch: Patch, kx: float, kz: float, phase: float) -> Tensor:
    """A plane sine, faded exactly as a Gaussian pixel of the footprint's size fades it."""
    blur = torch.exp(-0.06 * ((kx * patch.span_x) ** 2 + (kz * patch.span_z) ** 2))
    return blur * torch.sin(kx * patch.x + kz * patch.z + phase)


def _waves(patch: Patch, rng: np.random.Generator, lengths: tuple[float, ...], weights: tuple[float, ...]) -> Tensor:
    """Sum of plane sines of these wavelengths in spread-out directions."""
    total = torch.zeros_like(patch.x)
    turn = rng.uniform(0.0, math.pi)
    for index, (metres, weight) in enumerate(zip(lengths, weights, strict=True)):
        k = 2.0 * math.pi / metres
        angle = turn + index * 2.4
        total = total + weight * _wave(patch, k * math.cos(angle), k * math.sin(angle), rng.uniform(0.0, 6.28))
    return total * 1.5


def _ripples(patch: Patch, rng: np.random.Generator, metres: float, bend: float) -> Tensor:
    """Long crests across the view, bent by a slower wave."""
    k = 2.0 * math.pi / metres
    a, b = rng.uniform(0.0, 6.28, size=2)
    bent = patch.z + 0.25 * bend * torch.sin(patch.x * 1.3 + a) + 0.06 * bend * torch.sin(patch.x * 3.1 - b)
    fade = torch.exp(-0.06 * (k * patch.span_z) ** 2)
    return 0.8 * fade * torch.sin(k * bent) + 0.3 * _wave(patch, 1.7, 0.9, b)


def _box_square(position: Tensor, span: Tensor) -> Tensor:
    """A square wave of period 2 (values -1, 1), averaged over a box of width `span`."""
    width = span.clamp(min=1e-3)
    left, right = position - 0.5 * width, position + 0.5 * width
    return (_triangle(right) - _triangle(left)) / width


def _triangle(position: Tensor) -> Tensor:
    return (torch.remainder(position, 2.0) - 1.0).abs()


def _checker(patch: Patch, metres: float) -> Tensor:
    along = _box_square(patch.x / metres, 1.3 * patch.span_x / metres)
    return along * _box_square(patch.z / metres, 1.3 * patch.span_z / metres)


def _planks(patch: Patch, rng: np.random.Generator) -> Tensor:
    """Boards along z, alternately lighter and darker, with a slow grain."""
    metres = 0.55
    shift = rng.uniform(0.0, 1.0)
    board = _box_square(patch.x / metres + shift, 1.3 * patch.span_x / metres)
    wide = _box_square(patch.x / (3 * metres) + shift, 1.3 * patch.span_x / (3 * metres))
    joint = _box_square(patch.z / 2.2 + 0.5 * board.detach(), 1.3 * patch.span_z / 2.2)
    tone = 0.55 * board + 0.2 * wide + 0.22 * joint * board.abs() + 0.12 * _wave(patch, 3.0, 0.6, shift)
    return _two_tone((0.42, 0.23, 0.11), (0.74, 0.49, 0.27), tone)
