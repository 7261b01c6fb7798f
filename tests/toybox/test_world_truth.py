"""Laws between the renderer's pictures and its truth."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from pipelines.toybox.camera_moves import MOVES
from pipelines.toybox.render import Rendered, render
from pipelines.toybox.render_motion import object_path
from pipelines.toybox.sampling import FULL, sample_scene
from pipelines.toybox.scene import CameraMove, Scene, SceneObject

SEEDS = st.integers(0, 2**20)


def simple_scene(kind: str = "static", amount: float = 0.0, shape: str = "ball") -> Scene:
    return Scene(ground="tiles", sky="day", objects=(SceneObject(shape=shape, colour="red"),),
                 camera=CameraMove(kind=kind, amount=amount))


def project(clip: Rendered, frame: int, points: Tensor) -> tuple[Tensor, Tensor]:
    """Pixels (N, 2) and z-depths (N,) of world points in a frame of the first clip."""
    pose, matrix = clip.camera_to_world[0, frame].double(), clip.intrinsics[0, frame].double()
    seen = (points.double() - pose[:3, 3]) @ pose[:3, :3]
    picture = seen @ matrix.T
    return picture[:, :2] / picture[:, 2:], seen[:, 2]


def unproject(clip: Rendered, frame: int) -> Tensor:
    """World points (H, W, 3) behind every pixel centre of a frame of the first clip."""
    depth = clip.depth[0, frame].double()
    height, width = depth.shape
    pose, matrix = clip.camera_to_world[0, frame].double(), clip.intrinsics[0, frame].double()
    rows, columns = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    rays = torch.stack((columns, rows, torch.ones_like(rows)), dim=-1).double() @ torch.linalg.inv(matrix).T
    return (rays * depth[..., None]) @ pose[:3, :3].T + pose[:3, 3]


@settings(max_examples=12, deadline=None)
@given(SEEDS)
def test_object_centres_project_into_their_instance_masks(seed: int) -> None:
    scene = sample_scene(np.random.default_rng(seed))
    clip = render([scene], num_frames=5, width=64, height=64)
    item = scene.objects[0]
    centres, _ = object_path(item, 5)
    for frame in range(5):
        (pixel,), (depth,) = project(clip, frame, torch.tensor(centres[frame][None]))
        x, y = int(pixel[0].floor()), int(pixel[1].floor())
        if item.shape != "ring" and depth > 0.7 and 0 <= x < 64 and 0 <= y < 64:
            assert clip.instances[0, frame, y, x] == 2
            assert clip.depth[0, frame, y, x] < depth


@settings(max_examples=10, deadline=None)
@given(SEEDS)
def test_ground_depth_is_the_depth_of_the_plane(seed: int) -> None:
    clip = render([sample_scene(np.random.default_rng(seed), FULL)], num_frames=3, width=48, height=40)
    for frame in range(3):
        near = (clip.instances[0, frame] == 1) & (clip.depth[0, frame] < 50.0)
        heights = unproject(clip, frame)[..., 1][near]
        assert heights.abs().max() < 1e-3


def test_the_sky_is_infinitely_far_and_nothing_else_is() -> None:
    clip = render([simple_scene()], num_frames=2, width=64, height=64)
    assert torch.equal(torch.isinf(clip.depth), clip.instances == 0)
    assert set(clip.instances.unique().tolist()) == {0, 1, 2}


@pytest.mark.parametrize("kind", ["pan left", "truck right", "orbit left", "dolly in", "crane up", "zoom in"])
def test_static_points_keep_their_place_between_frames(kind: str) -> None:
    amount = {"dolly in": 1.5, "zoom in": 1.5}.get(kind, 0.4)
    clip = render([simple_scene(kind, amount)], num_frames=3, width=96, height=96)
    points = unproject(clip, 0)[clip.instances[0, 0] == 2]
    pixels, depths = project(clip, 2, points)
    inside = ((pixels > 1) & (pixels < 95)).all(dim=1)
    columns, rows = pixels[inside].long().T
    seen = clip.depth[0, 2, rows, columns].double()
    agree = (seen - depths[inside]).abs() < 0.03
    visible = seen > depths[inside] - 0.03
    assert agree[visible].double().mean() > 0.9
    assert visible.double().mean() > 0.5


def test_a_ball_is_as_deep_as_a_sphere() -> None:
    clip = render([simple_scene()], num_frames=1, width=96, height=96)
    on_ball = clip.instances[0, 0] == 2
    radii = (unproject(clip, 0)[on_ball] - torch.tensor([0.0, -0.6, 0.0])).norm(dim=-1)
    assert on_ball.sum() > 300
    assert (radii - 0.6).abs().max() < 5e-3


@pytest.mark.parametrize("kind", sorted(MOVES))
def test_camera_rotations_are_orthonormal_and_cameras_stay_above_ground(kind: str) -> None:
    amount = 1.5 if "zoom" in kind or "dolly" in kind else 0.4
    clip = render([simple_scene(kind, amount)], num_frames=4, width=8, height=8)
    turns = clip.camera_to_world[0, :, :3, :3].double()
    assert torch.allclose(turns @ turns.transpose(1, 2), torch.eye(3, dtype=torch.float64).expand(4, 3, 3), atol=1e-6)
    assert torch.allclose(torch.linalg.det(turns), torch.ones(4, dtype=torch.float64), atol=1e-6)
    assert (clip.camera_to_world[0, :, 1, 3] < 0).all()


def test_the_same_scene_twice_is_bit_identical() -> None:
    rng = np.random.default_rng(4)
    scenes = [sample_scene(rng, FULL) for _ in range(3)]
    first, second = render(scenes, num_frames=2, width=32, height=32), render(scenes, num_frames=2, width=32, height=32)
    for name in ("frames", "depth", "instances", "camera_to_world", "intrinsics"):
        assert torch.equal(getattr(first, name), getattr(second, name))
    alone = render(scenes[1:2], num_frames=2, width=32, height=32)
    assert torch.equal(alone.frames[0], first.frames[1])


def test_colours_survive_the_light() -> None:
    for colour, channel in (("red", 0), ("green", 1), ("blue", 2)):
        scene = simple_scene()
        scene = replace(scene, objects=(replace(scene.objects[0], colour=colour),))
        clip = render([scene], num_frames=1, width=64, height=64)
        mean = clip.frames[0, 0][clip.instances[0, 0] == 2].float().mean(0)
        assert int(mean.argmax()) == channel


def test_shadows_darken_the_ground_beside_the_object() -> None:
    scene = replace(simple_scene(), ground="snow", sky="day")
    lonely = replace(scene, objects=(replace(scene.objects[0], x=50.0),))
    both = render([scene, lonely], num_frames=1, width=96, height=96)
    ground = (both.instances[0, 0] == 1) & (both.instances[1, 0] == 1)
    drop = both.frames[1, 0].float().mean(-1)[ground] - both.frames[0, 0].float().mean(-1)[ground]
    assert drop.max() > 40
    assert drop.min() > -3


def test_intrinsics_follow_the_lens_and_the_size() -> None:
    clip = render([simple_scene("zoom in", 2.0)], num_frames=3, width=40, height=48)
    focal = clip.intrinsics[0, :, 0, 0]
    assert focal[1] == pytest.approx(28.0 / 24.0 * 48)
    assert (focal[2] / focal[0]).item() == pytest.approx(2.0, rel=1e-5)
    assert clip.intrinsics[0, 0, 0, 2] == 20 and clip.intrinsics[0, 0, 1, 2] == 24
    assert math.isclose(clip.intrinsics[0, 0, 2, 2].item(), 1.0)
