"""From rays to colours: nearest surface, then sky, ground and solids shaded each on their own rays."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from pipelines.toybox.camera_moves import FloatArray
from pipelines.toybox.figure import FigurePath, figure_path
from pipelines.toybox.render_ground import Patch, ground_colour
from pipelines.toybox.render_motion import object_path
from pipelines.toybox.render_person import make_person
from pipelines.toybox.render_rays import Cameras, Rays, Triple, take
from pipelines.toybox.render_sky import LOOKS, SkyLook, linear, sky_colour
from pipelines.toybox.render_solids import Body, Thing
from pipelines.toybox.scene import Scene, SceneObject

SOFTNESS = 0.22
CLEAR_METRES = 5.0
CLEAR_SHARE = 1.7


@dataclass(frozen=True)
class Stage:
    """A scene made ready for rays: cameras and things over the clip, the look of its sky, the light's direction."""

    scene: Scene
    cameras: Cameras
    things: tuple[Thing, ...]
    look: SkyLook
    light: tuple[float, float, float]
    figure: FigurePath | None


def build_stage(scene: Scene, cameras: Cameras) -> Stage:
    """Compute every object's path over the cameras' frames."""
    things: list[Thing] = [_body(item, cameras) for item in scene.objects]
    path = None
    if scene.figure is not None:
        path = figure_path(scene.figure, len(cameras.position))
        things.append(make_person(path, scene.figure.outfit, cameras.position.device))
    azimuth, elevation = scene.light.azimuth_radians, scene.light.elevation_radians
    flat = math.cos(elevation)
    light = (flat * math.sin(azimuth), -math.sin(elevation), flat * math.cos(azimuth))
    return Stage(scene, cameras, tuple(things), LOOKS[scene.sky], light, path)


def _body(item: SceneObject, cameras: Cameras) -> Body:
    centres, turns = object_path(item, len(cameras.position))
    device = cameras.position.device
    return Body(item, _track(centres, device), _track(turns, device))


def _track(values: FloatArray, device: torch.device) -> Tensor:
    """Values over the frames (T, ...), or (1, ...) where they do not change."""
    steady = bool((values == values[:1]).all())
    return torch.tensor(values[:1] if steady else values, dtype=torch.float32, device=device)


def trace(stage: Stage, rays: Rays) -> tuple[Tensor, Tensor, Tensor]:
    """Display colour (N, 3) in 0..1, z-depth (N,) and instance numbers (N,) uint8 along rays."""
    down = rays.direction[1]
    depth = torch.where(down > 1e-6, -rays.origin[1] / down.clamp(min=1e-6), torch.inf)
    instances = (down > 1e-6).to(torch.uint8)
    for number, thing in enumerate(stage.things, start=2):
        index = thing.candidates(rays)
        hit = thing.intersect(rays.pick(index))
        closer = torch.nonzero(hit < take(depth, index)).squeeze(1)
        index = take(index, closer)
        depth.scatter_(0, index, take(hit, closer))
        instances[index] = number
    colour = torch.empty(len(down), 3, device=down.device)
    for number in range(len(stage.things) + 2):
        index = torch.nonzero(instances == number).squeeze(1)
        if len(index):
            colour.index_copy_(0, index, _shade(stage, number, rays.pick(index), take(depth, index)))
    return colour.clamp_(0.0, 1.0).sqrt_(), depth, instances


def _shade(stage: Stage, number: int, rays: Rays, depth: Tensor) -> Tensor:
    if number == 0:
        return sky_colour(stage.scene, rays)
    colour = _ground(stage, rays, depth) if number == 1 else _solid(stage, number - 2, rays, depth)
    haze = torch.tensor(linear(stage.look.horizon), device=depth.device)
    clear = max(CLEAR_METRES, CLEAR_SHARE * stage.scene.camera.distance)
    beyond = (depth * rays.length - clear).clamp(min=0.0)
    fog = 1.0 - torch.exp(beyond * (-1.0 / stage.look.fog_metres))
    return torch.lerp(colour, haze, fog[:, None])


def _ground(stage: Stage, rays: Rays, depth: Tensor) -> Tensor:
    x, y, z = rays.at(depth)
    spread = _footprint(stage.cameras, rays, depth)
    progress = rays.frame.to(torch.float32) / max(len(stage.cameras.focal) - 1, 1)
    albedo = ground_colour(stage.scene.ground, Patch(x, z, spread[0], spread[1], progress), stage.scene.detail_seed)
    lit, hidden = torch.ones_like(x), torch.zeros_like(x)
    for thing in stage.things:
        lit = torch.minimum(lit, thing.shadow(rays.frame, (x, y, z), stage.light, SOFTNESS))
        hidden = torch.maximum(hidden, thing.closeness(rays.frame, (x, y, z)))
    sun = torch.tensor(stage.look.sun, device=x.device) * -stage.light[1]
    ambient = torch.tensor(stage.look.ambient, device=x.device)
    return albedo * (lit[:, None] * sun + (1.0 - 0.5 * hidden)[:, None] * ambient)


def _footprint(cameras: Cameras, rays: Rays, depth: Tensor) -> tuple[Tensor, Tensor]:
    """How far one pixel reaches along x and z on the ground (N,), metres: the exact ray differentials of the plane."""
    dx, dy, dz = rays.direction
    turn = cameras.rotation
    step = depth / take(cameras.focal, rays.frame)
    slope_x, slope_z = dx / dy, dz / dy
    right_x, right_y, right_z = (take(turn[:, k, 0], rays.frame) for k in range(3))
    down_x, down_y, down_z = (take(turn[:, k, 1], rays.frame) for k in range(3))
    span_x = (right_x - slope_x * right_y).abs() + (down_x - slope_x * down_y).abs()
    span_z = (right_z - slope_z * right_y).abs() + (down_z - slope_z * down_y).abs()
    return span_x * step, span_z * step


def _solid(stage: Stage, number: int, rays: Rays, depth: Tensor) -> Tensor:
    thing, point = stage.things[number], rays.at(depth)
    normal, paint = thing.surface(rays.frame, point)
    light = stage.light
    facing = normal[0] * light[0] + normal[1] * light[1] + normal[2] * light[2]
    lit = (facing * 0.92 + 0.08).clamp(min=0.0)
    lifted = tuple(p + 0.02 * n for p, n in zip(point, normal, strict=True))
    for index, other in enumerate(stage.things):
        if index != number or not other.convex:
            lit = lit * other.shadow(rays.frame, (lifted[0], lifted[1], lifted[2]), light, SOFTNESS)
    sun = torch.tensor(stage.look.sun, device=depth.device)
    ambient = torch.tensor(stage.look.ambient, device=depth.device)
    dome = 0.78 - 0.34 * normal[1]
    low = (1.0 + point[1] / (0.45 * thing.height)).clamp(0.0, 1.0)
    dome = dome * (1.0 - 0.35 * low * (normal[1] * 0.5 + 0.5))
    colour = paint * (lit[:, None] * sun + dome[:, None] * ambient)
    return colour + (_gloss(normal, rays, light) * lit)[:, None] * sun


def _gloss(normal: Triple, rays: Rays, light: tuple[float, float, float]) -> Tensor:
    """A soft highlight (N,), Blinn's half vector with exponent 32."""
    inverse = 1.0 / rays.length
    half = [component - direction * inverse for component, direction in zip(light, rays.direction, strict=True)]
    norm = torch.rsqrt(half[0] ** 2 + half[1] ** 2 + half[2] ** 2 + 1e-9)
    cosine = ((half[0] * normal[0] + half[1] * normal[1] + half[2] * normal[2]) * norm).clamp(min=0.0)
    for _ in range(5):
        cosine = cosine * cosine
    return 0.22 * cosine
