"""The toy world's renderer: scenes to frames with exact truth, in batched torch on CPU or GPU.

Every pixel gets one ray; pixels on an edge (another instance or a strong contrast beside them) get four more.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pipelines.domain.camera.pose import focal_pixels
from pipelines.toybox.camera_moves import camera_path
from pipelines.toybox.render_rays import Cameras, pixel_grid, through
from pipelines.toybox.render_shade import Stage, build_stage, trace
from pipelines.toybox.scene import Scene
from pipelines.toybox.truth_skeleton import no_skeleton, skeletons

JITTER = ((-0.125, -0.375), (0.375, -0.125), (0.125, 0.375), (-0.375, 0.125))
CONTRAST = 0.10


@dataclass(frozen=True)
class Rendered:
    """A batch of clips and their truth; world and camera axes are x right, y down, z forward, metres.

    frames uint8 (B, T, H, W, 3); depth float32 (B, T, H, W), z-depth, inf in the sky; instances uint8 (B, T, H, W):
    0 sky, 1 ground, 2.. objects in order, then the figure; camera_to_world float32 (B, T, 4, 4); intrinsics float32
    (B, T, 3, 3) in pixels (a pixel's centre lies at +0.5); skeletons float32 (B, T, 18, 3): COCO-18 x, y in pixels
    and visibility 0 or 1 (NaN, NaN, 0 where the scene has no figure).
    """

    frames: Tensor
    depth: Tensor
    instances: Tensor
    camera_to_world: Tensor
    intrinsics: Tensor
    skeletons: Tensor


@torch.no_grad()
def render(
    scenes: Sequence[Scene], *, num_frames: int = 17, width: int = 128, height: int = 128, device: str = "cpu"
) -> Rendered:
    """Render scenes to clips with their truth. The same scene gives the same bits on the same device."""
    clips = [_clip(scene, num_frames, width, height, torch.device(device)) for scene in scenes]
    return Rendered(*(torch.stack(parts) for parts in zip(*clips, strict=True)))


def _clip(scene: Scene, num_frames: int, width: int, height: int, device: torch.device) -> tuple[Tensor, ...]:
    poses, focals = camera_path(scene.camera, num_frames)
    world = torch.tensor(poses, dtype=torch.float32, device=device)
    focal = torch.tensor(focal_pixels(focals, height), dtype=torch.float32, device=device)
    cameras = Cameras(world[:, :3, 3], world[:, :3, :3], focal, width, height)
    stage = build_stage(scene, cameras)
    colour, depth, instances = trace(stage, pixel_grid(cameras, range(num_frames)))
    shape = (num_frames, height, width)
    colour = _smooth_edges(stage, colour, instances, shape)
    frames = (colour * 255.0 + 0.5).to(torch.uint8).view(*shape, 3)
    depth, instances = depth.view(shape), instances.view(shape)
    keypoints = no_skeleton(num_frames, device)
    if stage.figure is not None:
        keypoints = skeletons(stage.figure, len(stage.things) + 1, cameras, depth, instances)
    return frames, depth, instances, world, intrinsics(cameras), keypoints


def intrinsics(cameras: Cameras) -> Tensor:
    """Pinhole matrices (T, 3, 3) in pixels."""
    matrix = torch.zeros(len(cameras.focal), 3, 3, device=cameras.focal.device)
    matrix[:, 0, 0] = matrix[:, 1, 1] = cameras.focal
    matrix[:, 0, 2], matrix[:, 1, 2], matrix[:, 2, 2] = cameras.width / 2, cameras.height / 2, 1.0
    return matrix


def _smooth_edges(stage: Stage, colour: Tensor, instances: Tensor, shape: tuple[int, int, int]) -> Tensor:
    """Give four rays to every pixel that differs from a neighbour. colour (N, 3) is display RGB."""
    index = torch.nonzero(_edges(colour.view(*shape, 3), instances.view(shape)).view(-1)).squeeze(1)
    if len(index) == 0:
        return colour
    _, height, width = shape
    row, column = (index // width) % height, index % width
    frame = index // (width * height)
    jitter = torch.tensor(JITTER, device=colour.device)
    columns = (column + 0.5 + jitter[:, :1]).reshape(-1)
    rows = (row + 0.5 + jitter[:, 1:]).reshape(-1)
    again, _, _ = trace(stage, through(stage.cameras, frame.repeat(len(JITTER)), columns, rows))
    colour[index] = again.view(len(JITTER), -1, 3).mean(0)
    return colour


def _edges(colour: Tensor, instances: Tensor) -> Tensor:
    """Pixels (T, H, W) with a neighbour of another instance or, on a solid, of another colour."""
    marks = torch.zeros_like(instances, dtype=torch.bool)
    tone = colour[..., 1] + 0.5 * colour[..., 0]
    for axis in (1, 2):
        size = instances.shape[axis] - 1
        a, b = instances.narrow(axis, 0, size), instances.narrow(axis, 1, size)
        step = (tone.narrow(axis, 0, size) - tone.narrow(axis, 1, size)).abs() > CONTRAST
        differs = (a != b) | (step & (a > 1))
        marks.narrow(axis, 0, size).logical_or_(differs)
        marks.narrow(axis, 1, size).logical_or_(differs)
    return marks
