"""The figure as the renderer sees it: exact ray-capsule hits, capsule penumbras, painted parts."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import torch
from torch import Tensor

from pipelines.toybox.camera_moves import FloatArray
from pipelines.toybox.figure import PARTS, FigurePath
from pipelines.toybox.render_rays import Rays, Triple, take, take3
from pipelines.toybox.render_sky import Rgb, linear
from pipelines.toybox.scene import COLOURS, Outfit

REACH = 1.25
FIXED_PAINTS: Mapping[str, Rgb] = MappingProxyType({
    "skin": (0.90, 0.68, 0.53), "hair": (0.24, 0.14, 0.08), "shoe": (0.16, 0.14, 0.15),
})


@dataclass(frozen=True)
class Person:
    """A figure over a clip. starts, spans (K, 3, T): capsule origin and extent; centre (3, T); paints (K, 3) linear."""

    starts: Tensor
    spans: Tensor
    centre: Tensor
    paints: Tensor
    height: float = 1.75
    convex: bool = True

    def candidates(self, rays: Rays) -> Tensor:
        """Positions of the rays that come near the figure."""
        return torch.nonzero(_meets(rays, self.centre, REACH)).squeeze(1)

    def intersect(self, rays: Rays) -> Tensor:
        """Z-depth (N,) of the first hit, inf where there is none."""
        depth = torch.full_like(rays.length, torch.inf)
        for number, part in enumerate(PARTS):
            start, span = self.starts[number], self.spans[number]
            reach = float(span.norm(dim=0).max()) * 0.5 + part.radius
            index = torch.nonzero(_meets(rays, start + 0.5 * span, reach)).squeeze(1)
            if len(index):
                hit = _capsule(rays.pick(index), start, span, part.radius)
                depth.scatter_(0, index, torch.minimum(take(depth, index), hit))
        return depth

    def surface(self, frame: Tensor, point: Triple) -> tuple[Triple, Tensor]:
        """Outward unit normals and linear albedo (N, 3) at surface points."""
        nearest = torch.full_like(point[0], torch.inf)
        normal = [torch.zeros_like(nearest) for _ in range(3)]
        paint = torch.zeros(len(nearest), dtype=torch.int64, device=nearest.device)
        for number, part in enumerate(PARTS):
            away = _from_axis(frame, point, self.starts[number], self.spans[number])
            length = _norm(away)
            closer = length - part.radius < nearest
            nearest = torch.where(closer, length - part.radius, nearest)
            normal = [torch.where(closer, a / length, n) for a, n in zip(away, normal, strict=True)]
            paint = torch.where(closer, number, paint)
        return (normal[0], normal[1], normal[2]), self.paints[paint]

    def shadow(self, frame: Tensor, point: Triple, light: tuple[float, float, float], softness: float) -> Tensor:
        """Light that the figure lets through (N,) from 0 to 1."""
        x, y, z = (p - take(self.centre[k], frame) for k, p in enumerate(point))
        along = -(x * light[0] + y * light[1] + z * light[2])
        miss = x * x + y * y + z * z - along * along
        near = torch.nonzero((miss < (REACH * 1.1) ** 2) & (along > -REACH)).squeeze(1)
        clear = torch.ones_like(x)
        if len(near) == 0:
            return clear
        close, when = take3(point, near), take(frame, near)
        lowest = torch.ones_like(close[0])
        for number, part in enumerate(PARTS):
            x, y, z = (p - take(self.starts[number][k], when) for k, p in enumerate(close))
            along_x, along_y, along_z = (take(span, when) for span in self.spans[number])
            let = _penumbra((x, y, z), (along_x, along_y, along_z), light, part.radius, softness)
            lowest = torch.minimum(lowest, let)
        clear.scatter_(0, near, lowest * lowest * (3.0 - 2.0 * lowest))
        return clear

    def closeness(self, frame: Tensor, point: Triple) -> Tensor:
        """How much the figure hides the sky from ground points (N,)."""
        x, z = point[0] - take(self.centre[0], frame), point[2] - take(self.centre[2], frame)
        near = torch.nonzero(x * x + z * z < 0.8).squeeze(1)
        hidden = torch.zeros_like(x)
        if len(near):
            close, when = take3(point, near), take(frame, near)
            gap = torch.full_like(close[0], torch.inf)
            for number, part in enumerate(PARTS):
                away = _from_axis(when, close, self.starts[number], self.spans[number])
                gap = torch.minimum(gap, _norm(away) - part.radius)
            hidden.scatter_(0, near, torch.exp(-7.0 * gap.clamp(min=0.0)))
        return hidden


def make_person(path: FigurePath, outfit: Outfit, device: torch.device) -> Person:
    """A person ready for rays from its path over the clip."""
    paints = {**FIXED_PAINTS, "shirt": COLOURS[outfit.shirt], "trousers": COLOURS[outfit.trousers]}
    return Person(
        _tensor(path.starts.transpose(1, 2, 0), device),
        _tensor((path.ends - path.starts).transpose(1, 2, 0), device),
        _tensor(path.centres.T, device),
        torch.tensor([linear(paints[part.paint]) for part in PARTS], device=device),
    )


def _tensor(array: FloatArray, device: torch.device) -> Tensor:
    return torch.tensor(array, dtype=torch.float32, device=device)


def _norm(vector: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    return torch.sqrt(vector[0] ** 2 + vector[1] ** 2 + vector[2] ** 2 + 1e-12)


def _dot(a: tuple[Tensor, ...], b: tuple[Tensor, ...]) -> Tensor:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def _meets(rays: Rays, centre: Tensor, reach: float) -> Tensor:
    """Which rays (N,) pass a sphere about centre (3, T) in front of the camera."""
    offset = tuple(o - take(centre[k], rays.frame) for k, o in enumerate(rays.origin))
    along = -_dot(offset, rays.direction)
    squared = rays.length * rays.length
    return (along * along > (_dot(offset, offset) - reach * reach) * squared) & (along > 0)


def _capsule(rays: Rays, start: Tensor, span: Tensor, radius: float) -> Tensor:
    """Z-depth (N,) of the first hit with a capsule: the nearest of its side and its two round ends."""
    axis = tuple(take(span[k], rays.frame) for k in range(3))
    inverse = 1.0 / rays.length
    beam = tuple(d * inverse for d in rays.direction)
    far = tuple(o - take(start[k], rays.frame) for k, o in enumerate(rays.origin))
    # Measured from the point nearest the capsule's start: float32 would lose the radius over metres.
    travel = -_dot(far, beam)
    offset = tuple(f + travel * b for f, b in zip(far, beam, strict=True))
    axis_axis, axis_beam, axis_offset = _dot(axis, axis), _dot(axis, beam), _dot(axis, offset)
    beam_offset, offset_offset = _dot(beam, offset), _dot(offset, offset)
    a = (axis_axis - axis_beam * axis_beam).clamp(min=1e-9)
    b = axis_axis * beam_offset - axis_offset * axis_beam
    c = axis_axis * (offset_offset - radius * radius) - axis_offset * axis_offset
    root = b * b - a * c
    side = (-b - torch.sqrt(root.clamp(min=0.0))) / a
    level = axis_offset + side * axis_beam
    best = torch.where((root > 0) & (level > 0) & (level < axis_axis), side, torch.inf)
    best = torch.minimum(best, _sphere(beam_offset, offset_offset, radius))
    tip = tuple(o - x for o, x in zip(offset, axis, strict=True))
    best = torch.minimum(best, _sphere(_dot(beam, tip), _dot(tip, tip), radius))
    return (best + travel) * inverse


def _sphere(along: Tensor, squared: Tensor, radius: float) -> Tensor:
    root = along * along - squared + radius * radius
    return torch.where(root > 0, -along - torch.sqrt(root.clamp(min=0.0)), torch.inf)


def _from_axis(frame: Tensor, point: Triple, start: Tensor, span: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Vectors from the nearest point of a capsule's axis to points."""
    axis = tuple(take(span[k], frame) for k in range(3))
    offset = tuple(p - take(start[k], frame) for k, p in enumerate(point))
    share = (_dot(offset, axis) / (_dot(axis, axis) + 1e-9)).clamp(0.0, 1.0)
    x, y, z = (o - share * a for o, a in zip(offset, axis, strict=True))
    return x, y, z


def _penumbra(
    offset: Triple, axis: Triple, light: tuple[float, float, float], radius: float, softness: float
) -> Tensor:
    """Soft share of light (N,) past a capsule, by the closest approach of the light's ray to its axis.

    offset: (N,) from the axis's beginning to the points.
    """
    axis_axis = _dot(axis, axis) + 1e-9
    axis_light = axis[0] * light[0] + axis[1] * light[1] + axis[2] * light[2]
    axis_offset = _dot(axis, offset)
    light_offset = offset[0] * light[0] + offset[1] * light[1] + offset[2] * light[2]
    spread = (axis_axis - axis_light * axis_light).clamp(min=1e-6)
    share = ((axis_offset - axis_light * light_offset) / spread).clamp(0.0, 1.0)
    travel = (share * axis_light - light_offset).clamp(min=0.02)
    apart = tuple(o + travel * beam - share * a for o, beam, a in zip(offset, light, axis, strict=True))
    gap = _norm((apart[0], apart[1], apart[2])) - radius
    return (0.5 + 0.5 * gap / (softness * travel.clamp(min=0.2))).clamp(0.0, 1.0)
