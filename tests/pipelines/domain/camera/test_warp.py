"""The warp of a picture along a path, against what a renderer with exact truth sees from there."""

import numpy as np
import pytest

from pipelines.domain.camera.pose import SENSOR_HEIGHT_MM
from pipelines.domain.camera.warp import warp
from pipelines.toybox.camera_moves import camera_path
from pipelines.toybox.render import render
from pipelines.toybox.scene import CameraMove, Scene, SceneObject

SIZE = 64


def scene(kind: str, amount: float) -> Scene:
    camera = CameraMove(kind=kind, amount=amount)
    return Scene(ground="tiles", sky="overcast", objects=(SceneObject(shape="cube", colour="red"),), camera=camera)


def test_standing_still_gives_the_picture_back_without_holes() -> None:
    picture = np.random.default_rng(1).integers(0, 256, (20, 30, 3)).astype(np.uint8)
    depth = np.full((20, 30), 3.0)
    seen = warp(picture, depth, 25.0, np.eye(4)[None], np.array([25.0]))
    assert not seen.holes.any()
    assert np.array_equal(seen.frames[0], picture)


MOVES = [("pan left", 0.3), ("truck right", 1.0), ("dolly in", 1.6), ("orbit left", 0.5)]


@pytest.mark.parametrize(("kind", "amount"), MOVES)
def test_a_warp_agrees_with_the_render_from_there(kind: str, amount: float) -> None:
    told = scene(kind, amount)
    truth = render([told], num_frames=5, width=SIZE, height=SIZE)
    poses, focals = camera_path(told.camera, 5)
    focal = focals * SIZE / SENSOR_HEIGHT_MM
    frames = truth.frames[0].numpy()
    seen = warp(frames[0], truth.depth[0, 0].numpy(), focal[0], np.linalg.inv(poses[0]) @ poses, focal)
    known = ~seen.holes
    error = np.abs(seen.frames.astype(float) - frames).mean(-1)
    assert 0.3 < known[-1].mean() < 1.0
    assert np.median(error[-1][known[-1]]) < 8.0


def test_what_lies_behind_the_camera_is_a_hole() -> None:
    turned = np.diag([-1.0, 1.0, -1.0, 1.0])
    seen = warp(np.full((8, 8, 3), 9, np.uint8), np.ones((8, 8)), 8.0, turned[None], np.array([8.0]))
    assert seen.holes.all() and (seen.frames == 128).all()


def test_a_near_thing_hides_what_is_behind_it() -> None:
    picture = np.zeros((16, 16, 3), np.uint8)
    depth = np.full((16, 16), 10.0)
    picture[4:12, 4:12], depth[4:12, 4:12] = 255, 2.0
    pose = np.eye(4)
    pose[0, 3] = 0.5
    seen = warp(picture, depth, 16.0, pose[None], np.array([16.0]))
    assert (seen.frames[0, 8, 1:7] == 255).all()
    assert seen.holes[0, 8, 9:12].any()


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1)])
def test_the_smallest_pictures_are_warped_too(shape: tuple[int, int]) -> None:
    picture = np.full((*shape, 3), 77, np.uint8)
    seen = warp(picture, np.full(shape, np.inf), 8.0, np.stack([np.eye(4)] * 2), np.array([8.0, 4.0]))
    assert seen.frames.shape == (2, *shape, 3)
    assert np.array_equal(seen.frames[0], picture) and not seen.holes[0].any()
