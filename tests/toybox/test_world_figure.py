"""The jointed figure: its bones, its keypoints and its picture agree."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from pipelines.toybox.figure import ACTION_POSTURES, COCO_NAMES, PARTS, figure_path
from pipelines.toybox.render import Rendered, render
from pipelines.toybox.scene import ACTIONS, CameraMove, FigureSpec, Outfit, Scene, SceneObject

OUTFIT = Outfit(shirt="red", trousers="blue")


def figure_scene(action: str, yaw: float = 0.0) -> Scene:
    return Scene(ground="sand", sky="day", objects=(), figure=FigureSpec(outfit=OUTFIT, action=action, yaw_radians=yaw),
                 camera=CameraMove(distance=4.6, height=1.0, aim=(0.0, -0.9, 0.0)))


def shoot(scene: Scene, num_frames: int = 5) -> Rendered:
    return render([scene], num_frames=num_frames, width=96, height=96)


def seen(clip: Rendered, name: str) -> torch.Tensor:
    return clip.skeletons[0, :, COCO_NAMES.index(name), 2]


@pytest.mark.parametrize("action", ACTIONS)
def test_every_action_keeps_the_bones_lengths_and_stands_on_the_ground(action: str) -> None:
    path = figure_path(FigureSpec(outfit=OUTFIT, action=action, phase_radians=1.0), 17)
    lengths = np.linalg.norm(path.ends - path.starts, axis=-1)
    assert np.ptp(lengths, axis=0).max() < 1e-9
    radii = np.array([part.radius for part in PARTS])
    lowest = (np.maximum(path.starts[..., 1], path.ends[..., 1]) + radii).max(axis=1)
    assert lowest.max() < 1e-9
    assert lowest.min() > (-0.51 if action == "jumps" else -1e-9)


@pytest.mark.parametrize("action", ACTIONS)
def test_keypoints_inside_the_frame_lie_on_the_figures_mask(action: str) -> None:
    clip = shoot(figure_scene(action))
    body = clip.skeletons[0, :, :14]
    for frame in range(5):
        for x, y, _ in body[frame].tolist():
            assert clip.instances[0, frame, int(y), int(x)] == 2, (action, frame, x, y)


def test_a_standing_figure_facing_the_camera_shows_all_but_its_ears() -> None:
    clip = shoot(figure_scene("stands"))
    assert (clip.skeletons[0, :, :16, 2] == 1).all()


def test_the_face_hides_when_the_figure_turns_away() -> None:
    clip = shoot(figure_scene("stands", math.pi))
    assert seen(clip, "nose").sum() == 0
    assert seen(clip, "left eye").sum() == 0
    assert seen(clip, "neck").sum() == 5


def test_the_figures_right_hand_is_on_the_pictures_left_when_it_faces_us() -> None:
    for yaw, sign in ((0.0, 1.0), (math.pi, -1.0)):
        points = shoot(figure_scene("stands", yaw), 1).skeletons[0, 0]
        right, left = points[COCO_NAMES.index("right wrist")], points[COCO_NAMES.index("left wrist")]
        assert sign * (left[0] - right[0]) > 5


def test_a_waving_figure_holds_its_right_hand_above_its_head() -> None:
    points = shoot(figure_scene("waves")).skeletons[0]
    assert (points[:, COCO_NAMES.index("right wrist"), 1] < points[:, COCO_NAMES.index("nose"), 1]).all()
    assert (points[:, COCO_NAMES.index("left wrist"), 1] > points[:, COCO_NAMES.index("nose"), 1]).all()


def test_a_thing_in_front_hides_keypoints_and_a_scene_without_figure_has_none() -> None:
    scene = figure_scene("stands")
    wall = SceneObject(shape="cube", colour="green", z=-0.9)
    clip = shoot(replace(scene, objects=(wall,)))
    assert seen(clip, "right knee").sum() == 0
    assert seen(clip, "nose").sum() == 5
    assert clip.instances.max() == 3
    empty = shoot(replace(scene, figure=None, objects=(wall,)))
    assert torch.isnan(empty.skeletons[..., :2]).all()
    assert (empty.skeletons[..., 2] == 0).all()


def test_the_figure_wears_its_outfit() -> None:
    clip = shoot(figure_scene("stands"), 1)
    def paint(name: str) -> torch.Tensor:
        x, y, _ = clip.skeletons[0, 0, COCO_NAMES.index(name)].tolist()
        return clip.frames[0, 0, int(y), int(x)].float()
    assert paint("right elbow").argmax() == 0 and paint("neck").max() > 60
    assert paint("left knee").argmax() == 2


def test_every_action_moves_in_its_own_way() -> None:
    assert set(ACTION_POSTURES) == set(ACTIONS)
    paths = [figure_path(FigureSpec(outfit=OUTFIT, action=action), 9).keypoints for action in ACTIONS]
    for index, path in enumerate(paths):
        assert all(np.abs(path - other).max() > 0.1 for other in paths[index + 1 :])
