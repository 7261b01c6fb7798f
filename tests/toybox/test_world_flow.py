"""Optical flow agrees with the pictures and with the moving things."""

import math

import pytest
import torch

from pipelines.toybox.figure import COCO_NAMES
from pipelines.toybox.render import Rendered, render
from pipelines.toybox.scene import CameraMove, FigureSpec, Outfit, Scene, SceneObject
from pipelines.toybox.truth_flow import Flow, optical_flow


def stage(kind: str = "static", amount: float = 0.0, motion: str = "still", ground: str = "tiles") -> Scene:
    item = SceneObject(shape="ball", colour="red", pattern="striped", motion=motion)
    return Scene(ground=ground, sky="day", objects=(item,), camera=CameraMove(kind=kind, amount=amount))


def warped_error(clip: Rendered, flow: Flow) -> tuple[float, float]:
    """Mean difference (0..255) of visible pixels to the next frame with the flow, and without it."""
    frames = clip.frames[0].float().permute(0, 3, 1, 2)
    _, _, height, width = frames.shape
    rows, columns = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    target = torch.stack((columns, rows), dim=-1) + flow.motion
    grid = target / torch.tensor((width / 2, height / 2)) - 1.0
    moved = torch.nn.functional.grid_sample(frames[1:], grid, align_corners=False, padding_mode="border")
    with_flow = (moved - frames[:-1]).abs().mean(1)[flow.visible]
    without = (frames[1:] - frames[:-1]).abs().mean(1)[flow.visible]
    return float(with_flow.mean()), float(without.mean())


@pytest.mark.parametrize(("kind", "amount"), [
    ("pan left", 0.5), ("truck right", 1.5), ("dolly in", 1.6), ("orbit left", 0.6), ("roll right", 0.5),
    ("zoom out", 1.6), ("crane up", 1.0),
])
def test_flow_carries_each_frame_onto_the_next(kind: str, amount: float) -> None:
    scene = stage(kind, amount)
    clip = render([scene], num_frames=5, width=96, height=96)
    flow = optical_flow(scene, clip)
    with_flow, without = warped_error(clip, flow)
    assert with_flow < 0.4 * without
    assert flow.visible.float().mean() > 0.6


def test_a_still_camera_on_still_things_has_no_flow() -> None:
    scene = stage()
    clip = render([scene], num_frames=3, width=64, height=64)
    flow = optical_flow(scene, clip)
    assert flow.motion.abs().max() < 1e-2
    assert flow.visible.all()


def test_a_rolling_ball_flows_with_its_turning_paint() -> None:
    scene = stage(motion="rolls right")
    clip = render([scene], num_frames=9, width=96, height=96)
    flow = optical_flow(scene, clip)
    ball = clip.instances[0, :-1] == 2
    assert flow.motion[..., 0][ball].mean() > 1.0
    assert flow.motion[~ball].abs().max() < 1e-2
    with_flow, without = warped_error(clip, Flow(flow.motion, flow.visible & ball))
    assert with_flow < 0.5 * without


def test_the_figures_pixels_move_as_its_joints_do() -> None:
    figure = FigureSpec(outfit=Outfit(shirt="red", trousers="blue"), action="walks", yaw_radians=math.pi / 2)
    scene = Scene(ground="sand", sky="day", objects=(), figure=figure,
                  camera=CameraMove(distance=4.4, height=1.0, aim=(0.0, -0.9, 0.0)))
    clip = render([scene], num_frames=9, width=128, height=128)
    flow = optical_flow(scene, clip)
    checked = 0
    for name in ("neck", "right wrist", "left wrist", "right knee", "left ankle"):
        joints = clip.skeletons[0, :, COCO_NAMES.index(name)]
        for frame in range(8):
            x, y, visible = joints[frame].tolist()
            if visible and joints[frame + 1, 2] == 1:
                truth = joints[frame + 1, :2] - joints[frame, :2]
                assert (flow.motion[frame, int(y), int(x)] - truth).norm() < 1.5
                checked += 1
    assert checked > 15
