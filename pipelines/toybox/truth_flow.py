"""Optical flow of rendered clips, exact from geometry: where every pixel's surface point is one frame later."""

from dataclasses import dataclass

import torch
from torch import Tensor

from pipelines.toybox.figure import PARTS, FigurePath
from pipelines.toybox.render import Rendered
from pipelines.toybox.render_rays import Cameras, Rays, Triple, pixel_grid
from pipelines.toybox.render_shade import Stage, build_stage
from pipelines.toybox.render_solids import Body
from pipelines.toybox.scene import Scene

DEPTH_TOLERANCE = 0.02


@dataclass(frozen=True)
class Flow:
    """Forward flow of one clip.

    motion float32 (T - 1, H, W, 2): pixels right and down from frame t to t + 1; visible bool (T - 1, H, W): the point
    is inside the next frame and not hidden there. The sky turns with the camera as if infinitely far.
    """

    motion: Tensor
    visible: Tensor


@torch.no_grad()
def optical_flow(scene: Scene, clip: Rendered, index: int = 0) -> Flow:
    """The flow of clip `index` of a batch, which must be a render of `scene`."""
    depth, instances = clip.depth[index], clip.instances[index]
    frames, height, width = depth.shape
    world = clip.camera_to_world[index]
    cameras = Cameras(world[:, :3, 3], world[:, :3, :3], clip.intrinsics[index, :, 0, 0], width, height)
    stage = build_stage(scene, cameras)
    rays = pixel_grid(cameras, range(frames - 1))
    point, far = _next_points(stage, rays, depth[:-1].reshape(-1), instances[:-1].reshape(-1))
    column, row, ahead = _project(cameras, rays.frame + 1, point, far)
    motion = torch.stack((column - _columns(rays, width), row - _rows(rays, width, height)), dim=-1)
    visible = _visible(column, row, ahead, rays.frame + 1, depth)
    shape = (frames - 1, height, width)
    return Flow(motion.view(*shape, 2), visible.view(shape))


def _columns(rays: Rays, width: int) -> Tensor:
    return torch.arange(len(rays.frame), device=rays.frame.device) % width + 0.5


def _rows(rays: Rays, width: int, height: int) -> Tensor:
    return torch.arange(len(rays.frame), device=rays.frame.device) // width % height + 0.5


def _next_points(stage: Stage, rays: Rays, depth: Tensor, instances: Tensor) -> tuple[Tensor, Tensor]:
    """World points (N, 3) one frame later, and which rays (N,) saw the sky (whose points are directions)."""
    far = instances == 0
    point = torch.stack(rays.at(torch.where(far, 1.0, depth)), dim=1)
    origin = torch.stack(rays.origin, dim=1)
    point[far] = point[far] - origin[far]
    for number, thing in enumerate(stage.things, start=2):
        index = torch.nonzero(instances == number).squeeze(1)
        if len(index) == 0:
            continue
        frame = rays.frame[index]
        if isinstance(thing, Body):
            point[index] = _rigid(thing, frame, point[index])
        elif stage.figure is not None:
            point[index] = _jointed(stage.figure, frame, point[index])
    return point, far


def _rigid(body: Body, frame: Tensor, point: Tensor) -> Tensor:
    frames = int(frame.max()) + 2
    turns, centres = body.turn.expand(frames, 3, 3), body.centre.expand(frames, 3)
    turn = turns[frame + 1] @ turns[frame].transpose(1, 2)
    return (turn @ (point - centres[frame])[:, :, None]).squeeze(2) + centres[frame + 1]


def _jointed(path: FigurePath, frame: Tensor, point: Tensor) -> Tensor:
    """Points carried by the capsule they lie on, which turns by the smallest rotation between its two axes."""
    starts = torch.tensor(path.starts, dtype=torch.float32, device=point.device)
    spans = torch.tensor(path.ends - path.starts, dtype=torch.float32, device=point.device)
    part = _nearest_part(starts[frame], spans[frame], point)
    before, after = spans[frame, part], spans[frame + 1, part]
    a, b = (torch.nn.functional.normalize(axis, dim=1) for axis in (before, after))
    offset = point - starts[frame, part]
    cross, cosine = torch.linalg.cross(a, b), (a * b).sum(1, keepdim=True)
    once = torch.linalg.cross(cross, offset)
    turned = offset + once + torch.linalg.cross(cross, once) / (1.0 + cosine).clamp(min=1e-4)
    moved: Tensor = starts[frame + 1, part] + turned
    return moved


def _nearest_part(start: Tensor, span: Tensor, point: Tensor) -> Tensor:
    radii = torch.tensor([part.radius for part in PARTS], device=point.device)
    offset = point[:, None] - start
    share = ((offset * span).sum(2) / (span * span).sum(2).clamp(min=1e-9)).clamp(0.0, 1.0)
    gaps: Tensor = torch.linalg.vector_norm(offset - share[..., None] * span, dim=2) - radii
    return gaps.argmin(dim=1)


def _project(cameras: Cameras, frame: Tensor, point: Tensor, far: Tensor) -> Triple:
    """Column, row (N,) in pixels and z-depth (N,), inf for the sky and negative behind the camera."""
    away = torch.where(far[:, None], point, point - cameras.position[frame])
    x, y, z = (cameras.rotation[frame].transpose(1, 2) @ away[:, :, None]).squeeze(2).unbind(1)
    focal = cameras.focal[frame]
    column, row = x / z * focal + cameras.width / 2, y / z * focal + cameras.height / 2
    return column, row, torch.where(far & (z > 0), torch.inf, z)


def _visible(column: Tensor, row: Tensor, ahead: Tensor, frame: Tensor, depth: Tensor) -> Tensor:
    _, height, width = depth.shape
    inside = (ahead > 0.05) & (column >= 0) & (column < width) & (row >= 0) & (row < height)
    x, y = (torch.where(inside, value, 0.0).long() for value in (column, row))
    there = depth[frame, y, x]
    return inside & ((there == ahead) | ((there - ahead).abs() < DEPTH_TOLERANCE * ahead))
