"""Solids by sphere tracing: which rays hit, how far, which way the surface faces, and the soft shadow it casts."""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from pipelines.toybox.render_paint import albedo
from pipelines.toybox.render_rays import Rays, Triple, per_frame, take, take3, turned, turned_back
from pipelines.toybox.scene import SIZES, SceneObject
from pipelines.toybox.sdf import SOLIDS, Solid

MAX_STEPS = 36
SHADOW_STEPS = 12
HIT = 1.5e-3


class Thing(Protocol):
    """Whatever the renderer can place on the stage: it is hit by rays, has a surface, and hides light."""

    @property
    def height(self) -> float:
        """Rough height in metres, the scale of its own shading near the ground."""

    @property
    def convex(self) -> bool:
        """Whether it cannot throw a shadow on itself."""

    def candidates(self, rays: Rays) -> Tensor:
        """Positions (K,) of the rays that can meet it."""

    def intersect(self, rays: Rays) -> Tensor:
        """Z-depth (N,) of the first hit, inf where there is none."""

    def surface(self, frame: Tensor, point: Triple) -> tuple[Triple, Tensor]:
        """Outward unit normals in world axes and linear albedo (N, 3) or (3,) at surface points."""

    def shadow(self, frame: Tensor, point: Triple, light: tuple[float, float, float], softness: float) -> Tensor:
        """Light that it lets through (N,) from 0 to 1, from points towards a distant light (unit vector to it)."""

    def closeness(self, frame: Tensor, point: Triple) -> Tensor:
        """How much it hides the sky from ground points (N,): 1 at contact, falling to 0."""


@dataclass(frozen=True)
class Body:
    """One object over a clip: centre (T, 3) metres, turn (T, 3, 3) object to world.

    Either has length 1 where it does not change.
    """

    item: SceneObject
    centre: Tensor
    turn: Tensor

    @property
    def solid(self) -> Solid:
        """The unit shape."""
        return SOLIDS[self.item.shape]

    @property
    def size(self) -> float:
        """Metres per unit of the shape."""
        return SIZES[self.item.size]

    @property
    def height(self) -> float:
        """Metres from base to about the top."""
        return 2.0 * self.solid.drop * self.size

    @property
    def convex(self) -> bool:
        """Whether it cannot throw a shadow on itself."""
        return self.solid.convex

    def local(self, frame: Tensor, vector: Triple) -> Triple:
        """World vectors in the object's axes, still in metres."""
        return turned_back(self.turn, frame, vector)

    def offset(self, frame: Tensor, point: Triple) -> Triple:
        """World points relative to the centre, in world axes."""
        x, y, z = (p - per_frame(self.centre[:, k], frame) for k, p in enumerate(point))
        return x, y, z

    def to_unit(self, frame: Tensor, point: Triple) -> Triple:
        """World points in the object's axes and units."""
        x, y, z = self.local(frame, self.offset(frame, point))
        scale = 1.0 / self.size
        return x * scale, y * scale, z * scale

    def candidates(self, rays: Rays) -> Tensor:
        """Positions of the rays that meet the body's bounding sphere in front of the camera."""
        px, py, pz = self.offset(rays.frame, rays.origin)
        dx, dy, dz = rays.direction
        along = -(px * dx + py * dy + pz * dz)
        distance_squared = px * px + py * py + pz * pz
        reach = (self.solid.bound * self.size) ** 2
        meets = along * along > (distance_squared - reach) * rays.length * rays.length
        return torch.nonzero(meets & (along > 0)).squeeze(1)

    def intersect(self, rays: Rays) -> Tensor:
        """Z-depth (N,) of the first hit, inf where there is none."""
        x, y, z = self.to_unit(rays.frame, rays.origin)
        dx, dy, dz = self.local(rays.frame, rays.direction)
        norm = 1.0 / rays.length
        dx, dy, dz = dx * norm, dy * norm, dz * norm
        middle = -(x * dx + y * dy + z * dz)
        half = torch.sqrt((middle * middle - (x * x + y * y + z * z) + self.solid.bound**2).clamp(min=0.0))
        travel, end = (middle - half).clamp(min=0.0), middle + half
        result = torch.full_like(travel, torch.inf)
        index = torch.arange(len(travel), device=travel.device)
        state = torch.stack((x, y, z, dx, dy, dz, travel, end))
        gap = travel
        for step in range(MAX_STEPS):
            x, y, z, dx, dy, dz, travel, end = state.unbind(0)
            gap = self.solid.field(x + travel * dx, y + travel * dy, z + travel * dz)
            travel += gap
            if step % 4 == 3:
                hit = gap < HIT
                result.scatter_(0, index, torch.where(hit, travel, torch.inf))
                going = torch.nonzero(~hit & (travel < end)).squeeze(1)
                index, state = take(index, going), state.index_select(1, going)
                if len(index) == 0:
                    break
        return result * self.size * norm

    def surface(self, frame: Tensor, point: Triple) -> tuple[Triple, Tensor]:
        """Outward unit normals in world axes and linear albedo at surface points."""
        unit = self.to_unit(frame, point)
        return self.normals(frame, unit), albedo(self.item, unit)

    def normals(self, frame: Tensor, unit_point: Triple) -> Triple:
        """Outward unit normals in world axes at surface points given in the object's units."""
        x, y, z = unit_point
        h = 4e-3
        signs = ((1, -1, -1), (-1, -1, 1), (-1, 1, -1), (1, 1, 1))
        grid = [torch.cat([c + s[k] * h for s in signs]) for k, c in enumerate((x, y, z))]
        values = self.solid.field(grid[0], grid[1], grid[2]).view(4, -1)
        nx = values[0] - values[1] - values[2] + values[3]
        ny = -values[0] - values[1] + values[2] + values[3]
        nz = -values[0] + values[1] - values[2] + values[3]
        inverse = torch.rsqrt(nx * nx + ny * ny + nz * nz + 1e-12)
        nx, ny, nz = nx * inverse, ny * inverse, nz * inverse
        return turned(self.turn, frame, (nx, ny, nz))

    def shadow(self, frame: Tensor, point: Triple, light: tuple[float, float, float], softness: float) -> Tensor:
        """Light that the body lets through (N,) from 0 to 1 towards a distant light (unit vector to it)."""
        px, py, pz = self.offset(frame, point)
        along = -(px * light[0] + py * light[1] + pz * light[2])
        miss = px * px + py * py + pz * pz - along * along
        reach = self.solid.bound * self.size
        near = torch.nonzero((miss < (1.0 + softness) ** 2 * reach**2) & (along > -reach)).squeeze(1)
        clear = torch.ones_like(along)
        if len(near):
            clear.scatter_(0, near, _penumbra(self, take(frame, near), take3(point, near), light, softness))
        return clear

    def closeness(self, frame: Tensor, point: Triple) -> Tensor:
        """How much the body hides the sky from ground points (N,): 1 at contact, falling to 0 a size away."""
        px, py, pz = self.offset(frame, point)
        reach = self.solid.bound * self.size * 1.9
        near = torch.nonzero(px * px + py * py + pz * pz < reach * reach).squeeze(1)
        hidden = torch.zeros_like(px)
        if len(near):
            unit = self.to_unit(take(frame, near), take3(point, near))
            gap = self.solid.field(*unit).clamp(min=0.0)
            hidden.scatter_(0, near, torch.exp(-4.0 * gap) * (gap < 0.9))
        return hidden


def _penumbra(body: Body, frame: Tensor, point: Triple, light: tuple[float, float, float], softness: float) -> Tensor:
    x, y, z = body.to_unit(frame, point)
    beam = (torch.full_like(x, light[0]), torch.full_like(x, light[1]), torch.full_like(x, light[2]))
    dx, dy, dz = body.local(frame, beam)
    middle = -(x * dx + y * dy + z * dz)
    travel = (middle - body.solid.bound).clamp(min=0.02)
    clear = torch.ones_like(x)
    for _ in range(SHADOW_STEPS):
        gap = body.solid.field(x + travel * dx, y + travel * dy, z + travel * dz)
        clear = torch.minimum(clear, gap / (softness * travel.clamp(min=0.15)))
        travel = travel + gap.clamp(0.03, 0.35)
    clear = clear.clamp(-1.0, 1.0) * 0.5 + 0.5
    return clear * clear * (3.0 - 2.0 * clear)
