"""What a ray sees where it meets no solid: sky gradient, far hills, sun, moon, stars and clouds. Linear RGB."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import torch
from torch import Tensor

from pipelines.toybox.render_rays import Rays, Triple
from pipelines.toybox.scene import Scene

Rgb = tuple[float, float, float]


@dataclass(frozen=True)
class SkyLook:
    """Colours (display RGB) and light levels (linear) of a sky."""

    zenith: Rgb
    horizon: Rgb
    hills: Rgb
    sun: Rgb
    ambient: Rgb
    fog_metres: float


LOOKS: Mapping[str, SkyLook] = MappingProxyType({
    "day": SkyLook(
        (0.18, 0.45, 0.93), (0.72, 0.88, 1.0), (0.50, 0.66, 0.76),
        (1.0, 0.96, 0.86), (0.40, 0.44, 0.50), 60.0,
    ),
    "sunset": SkyLook(
        (0.42, 0.26, 0.55), (1.0, 0.60, 0.26), (0.48, 0.26, 0.32),
        (1.0, 0.68, 0.42), (0.48, 0.37, 0.37), 45.0,
    ),
    "night": SkyLook(
        (0.03, 0.04, 0.15), (0.13, 0.16, 0.36), (0.07, 0.08, 0.19),
        (0.42, 0.48, 0.63), (0.19, 0.21, 0.31), 40.0,
    ),
    "overcast": SkyLook(
        (0.52, 0.55, 0.59), (0.76, 0.78, 0.80), (0.58, 0.61, 0.64),
        (0.34, 0.34, 0.35), (0.56, 0.57, 0.59), 35.0,
    ),
})


def linear(colour: Rgb) -> Rgb:
    """Display RGB to the renderer's linear light (gamma 2)."""
    return colour[0] ** 2, colour[1] ** 2, colour[2] ** 2


def sky_colour(scene: Scene, rays: Rays) -> Tensor:
    """Linear RGB (N, 3) of the sky along these rays."""
    look = LOOKS[scene.sky]
    dx, dy, dz = rays.direction
    inverse = 1.0 / rays.length
    unit = (dx * inverse, dy * inverse, dz * inverse)
    rise = (-unit[1]).clamp(min=0.0)
    blend = (1.0 - torch.exp(-3.6 * rise))[:, None]
    colour = torch.lerp(_row(look.horizon, dx), _row(look.zenith, dx), blend)
    colour = _lights(scene, unit, rise, colour)
    hill = _hills(scene.detail_seed, unit, rise)[:, None]
    return torch.lerp(colour, _row(look.hills, dx), hill)


def _row(colour: Rgb, like: Tensor) -> Tensor:
    return torch.tensor(linear(colour), dtype=torch.float32, device=like.device)


def _hills(seed: int, unit: Triple, rise: Tensor) -> Tensor:
    """Soft coverage (N,) of the far hills, a silhouette of a few harmonics round the horizon."""
    rng = np.random.default_rng((seed, 11))
    flat = torch.rsqrt(unit[0] * unit[0] + unit[2] * unit[2] + 1e-9)
    re1, im1 = unit[0] * flat, unit[2] * flat
    re2, im2 = re1 * re1 - im1 * im1, 2 * re1 * im1
    re4, im4 = re2 * re2 - im2 * im2, 2 * re2 * im2
    re8, im8 = re4 * re4 - im4 * im4, 2 * re4 * im4
    angles = rng.uniform(0.0, 2.0 * math.pi, size=2)
    height = 0.045 + 0.018 * (math.cos(angles[0]) * re4 + math.sin(angles[0]) * im4)
    height = height + 0.020 * (math.cos(angles[1]) * re8 + math.sin(angles[1]) * im8)
    return ((height - rise) * 90.0 + 0.5).clamp(0.0, 1.0) * 0.85


def _direction(azimuth: float, elevation: float) -> Rgb:
    return math.cos(elevation) * math.sin(azimuth), -math.sin(elevation), math.cos(elevation) * math.cos(azimuth)


def _lights(scene: Scene, unit: Triple, rise: Tensor, colour: Tensor) -> Tensor:
    rng = np.random.default_rng((scene.detail_seed, 12))
    # The disc stands on the light's side, but in view: a stage's licence.
    side = math.copysign(1.0, scene.light.azimuth_radians)
    match scene.sky:
        case "sunset":
            azimuth = side * (0.15 + 0.20 * rng.random()) - scene.camera.azimuth_radians
            near = _closeness(unit, azimuth, math.radians(7.5))
            colour = colour + _row((0.75, 0.42, 0.10), rise) * torch.exp((near - 1.0) * 40.0)[:, None]
            return torch.lerp(colour, _row((1.0, 0.93, 0.62), rise), _disc(near, math.radians(4.0)))
        case "night":
            stars = torch.tensor(_star_directions(rng), dtype=torch.float32, device=rise.device)
            closest = (torch.stack(unit, dim=1) @ stars.T).amax(dim=1)
            colour = torch.lerp(colour, _row((0.9, 0.92, 1.0), rise), _disc(closest, math.radians(0.6)))
            azimuth = side * (0.12 + 0.18 * rng.random()) - scene.camera.azimuth_radians
            near = _closeness(unit, azimuth, math.radians(9.5))
            colour = colour + _row((0.22, 0.24, 0.36), rise) * torch.exp((near - 1.0) * 90.0)[:, None]
            return torch.lerp(colour, _row((0.97, 0.96, 0.88), rise), _disc(near, math.radians(3.4)))
        case "day":
            return torch.lerp(colour, _row((1.0, 1.0, 1.0), rise), _clouds(rng, unit, rise))
        case _:
            return colour * (1.0 + 0.16 * _billows(rng, unit, rise))


def _closeness(unit: Triple, azimuth: float, elevation: float) -> Tensor:
    x, y, z = _direction(azimuth, elevation)
    return unit[0] * x + unit[1] * y + unit[2] * z


def _disc(cosine: Tensor, radius: float) -> Tensor:
    """Soft coverage (N, 1) of a disc of this angular radius."""
    edge, outer = math.cos(radius), math.cos(radius * 1.18)
    return ((cosine - outer) / (edge - outer)).clamp(0.0, 1.0)[:, None]


def _star_directions(rng: np.random.Generator) -> list[Rgb]:
    azimuths = np.arange(40) * (2 * math.pi / 40) + rng.uniform(-0.06, 0.06, size=40)
    return [_direction(float(a), float(e)) for a, e in zip(azimuths, rng.uniform(0.10, 0.50, size=40), strict=True)]


def _clouds(rng: np.random.Generator, unit: Triple, rise: Tensor) -> Tensor:
    """Soft coverage (N, 1) of white clouds, flattened blobs round the sky."""
    azimuths = np.arange(14) * (2 * math.pi / 14) + rng.uniform(-0.12, 0.12, size=14)
    elevations = rng.uniform(0.13, 0.34, size=14)
    centres = torch.tensor(
        [_direction(float(a), float(e)) for a, e in zip(azimuths, elevations, strict=True)],
        dtype=torch.float32, device=rise.device,
    )
    stretch = torch.tensor([1.0, 2.4, 1.0], device=rise.device)
    points = torch.stack(unit, dim=1) * stretch
    targets = centres * stretch
    squared = (points * points).sum(1)[:, None] + (targets * targets).sum(1) - 2.0 * (points @ targets.T)
    return (1.15 * torch.exp(-squared.amin(dim=1) * 90.0) - 0.12).clamp(0.0, 0.85)[:, None]


def _billows(rng: np.random.Generator, unit: Triple, rise: Tensor) -> Tensor:
    """Low waves (N, 1) of a closed cloud cover."""
    a, b, c = rng.uniform(0.0, 2 * math.pi, size=3)
    wave = torch.sin(unit[0] * 9.0 + rise * 14.0 + a) + torch.sin(unit[2] * 8.0 - rise * 19.0 + b)
    return (0.5 * wave * torch.sin(unit[0] * 5.0 - unit[2] * 4.0 + rise * 9.0 + c))[:, None]
