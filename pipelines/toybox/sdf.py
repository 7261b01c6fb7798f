"""Signed distance functions of the unit shapes, in the object's own axes (y down, centre at the origin).

Every function takes three tensors of one shape (coordinates in units of the object's size) and returns the distance
in the same units, negative inside. Formulas follow Inigo Quilez, "distance functions" (iquilezles.org), re-derived.
`SOLIDS` adds what the renderer must know: the bounding radius and how far the base lies below the centre.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import torch
from torch import Tensor

Field = Callable[[Tensor, Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Solid:
    """A unit shape: its field, the radius of a sphere that holds it, and the drop from centre to base."""

    field: Field
    bound: float
    drop: float
    convex: bool = True


def _length(a: Tensor, b: Tensor) -> Tensor:
    return torch.sqrt(a * a + b * b + 1e-12)


def _box2(dx: Tensor, dy: Tensor) -> Tensor:
    """Distance to a corner region: dx, dy are signed distances to two perpendicular faces."""
    return _length(dx.clamp(min=0), dy.clamp(min=0)) + torch.maximum(dx, dy).clamp(max=0)


def ball(x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    return torch.sqrt(x * x + y * y + z * z + 1e-12) - 0.6


def cube(x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    half, rounding = 0.44, 0.06
    dx, dy, dz = x.abs() - half, y.abs() - half, z.abs() - half
    outside = torch.sqrt(dx.clamp(min=0) ** 2 + dy.clamp(min=0) ** 2 + dz.clamp(min=0) ** 2 + 1e-12)
    return outside + torch.maximum(dx, torch.maximum(dy, dz)).clamp(max=0) - rounding


def pillar(x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    return _box2(_length(x, z) - 0.28, y.abs() - 0.75) - 0.04


def _revolved_cone(radius: Tensor, y: Tensor, base_radius: float, height: float, base_y: float) -> Tensor:
    """A cone of revolution: apex at base_y - height, base disc at base_y; `radius` is the distance from the axis."""
    norm = math.hypot(base_radius, height)
    side = ((y - (base_y - height)) * -base_radius + radius * height) / norm
    return _box2(side, y - base_y)


def cone(x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    return _revolved_cone(_length(x, z), y, 0.58, 1.26, 0.61) - 0.04


def ring(x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    return _length(_length(x, y) - 0.48, z) - 0.17


def star(x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    """A five-pointed star standing on two points, thickness along z."""
    angle = torch.atan2(x, -y)
    sector = 2.0 * math.pi / 5.0
    folded = (torch.remainder(angle + sector / 2, sector) - sector / 2).abs()
    radius = _length(x, y)
    px, py = radius * torch.cos(folded), radius * torch.sin(folded)
    ax, ay = 0.66, 0.0
    bx, by = 0.30 * math.cos(sector / 2), 0.30 * math.sin(sector / 2)
    ex, ey = bx - ax, by - ay
    flat = ((px - ax) * -ey + (py - ay) * ex) / math.hypot(ex, ey)
    return (_box2(-flat, z.abs() - 0.14) - 0.03) * 0.9


def mushroom(x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    radius = _length(x, z)
    stem = _box2(radius - 0.17, (y - 0.25).abs() - 0.37) - 0.03
    dome = torch.sqrt(radius * radius + ((y + 0.02) * 1.15) ** 2 + 1e-12) - 0.62
    cap = torch.maximum(dome, y + 0.02) * 0.87
    return torch.minimum(stem, cap - 0.03)


def pyramid(x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    """A four-sided pyramid with square base."""
    reach, height, base_y = 0.56, 1.08, 0.52
    norm = math.hypot(reach, height)
    side = ((y - (base_y - height)) * -reach + torch.maximum(x.abs(), z.abs()) * height) / norm
    return torch.maximum(side, y - base_y) - 0.03


SOLIDS: Mapping[str, Solid] = MappingProxyType({
    "ball": Solid(ball, 0.61, 0.6),
    "cube": Solid(cube, 0.84, 0.5),
    "cone": Solid(cone, 0.95, 0.65),
    "pillar": Solid(pillar, 0.86, 0.79),
    "ring": Solid(ring, 0.66, 0.65, convex=False),
    "star": Solid(star, 0.72, 0.56, convex=False),
    "mushroom": Solid(mushroom, 0.76, 0.65, convex=False),
    "pyramid": Solid(pyramid, 1.0, 0.55),
})
