"""COCO-18 keypoints of the figure in picture coordinates, with visibility read off the rendered depth."""

import torch
from torch import Tensor

from pipelines.toybox.figure import COCO_NAMES, FigurePath
from pipelines.toybox.render_rays import Cameras

FACE = frozenset({"nose", "right eye", "left eye", "right ear", "left ear"})
BODY_DEPTH_METRES = 0.22
FACE_DEPTH_METRES = 0.07


def no_skeleton(num_frames: int, device: torch.device) -> Tensor:
    """Keypoints (T, 18, 3) of a scene without a figure: NaN, NaN, 0."""
    points = torch.full((num_frames, len(COCO_NAMES), 3), torch.nan, device=device)
    points[..., 2] = 0.0
    return points


def skeletons(path: FigurePath, number: int, cameras: Cameras, depth: Tensor, instances: Tensor) -> Tensor:
    """Keypoints (T, 18, 3): x, y in pixels and visibility 0 or 1.

    A keypoint is visible where its pixel shows the figure (instance `number`) and the surface there is no further in
    front of it than its own limb is thick; a face point lies on the surface, so it hides when the head turns away.
    depth and instances (T, H, W). Points behind the camera keep NaN and visibility 0.
    """
    world = torch.tensor(path.keypoints, dtype=torch.float32, device=depth.device)
    seen = torch.einsum("tij,tki->tkj", cameras.rotation, world - cameras.position[:, None])
    middle = torch.tensor((cameras.width / 2, cameras.height / 2), device=depth.device)
    ahead = seen[..., 2] > 0.05
    picture = seen[..., :2] / seen[..., 2:] * cameras.focal[:, None, None] + middle
    result = no_skeleton(len(seen), depth.device)
    result[..., :2] = torch.where(ahead[..., None], picture, torch.nan)
    column, row = picture[..., 0].floor(), picture[..., 1].floor()
    inside = ahead & (column >= 0) & (column < cameras.width) & (row >= 0) & (row < cameras.height)
    flat = torch.where(inside, row * cameras.width + column, 0.0).long()
    thick = [FACE_DEPTH_METRES if name in FACE else BODY_DEPTH_METRES for name in COCO_NAMES]
    buried = seen[..., 2] - depth.flatten(1).gather(1, flat)
    shows = instances.flatten(1).gather(1, flat) == number
    result[..., 2] = (inside & shows & (buried < torch.tensor(thick, device=depth.device))).float()
    return result
