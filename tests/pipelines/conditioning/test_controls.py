"""Control clips: what they look like follows from what they show."""

import numpy as np

from pipelines.conditioning import depth, edges, pose


def test_the_nearest_point_of_a_clip_is_white_and_the_sky_black() -> None:
    metres = np.full((2, 4, 4), np.inf)
    metres[0, 0, 0], metres[1, 0, 0] = 1.0, 2.0
    control = depth.to_control(depth.nearness(metres))
    assert control.shape == (2, 4, 4, 3) and control.dtype == np.uint8
    assert control[0, 0, 0].tolist() == [255] * 3
    assert control[1, 0, 0].tolist() == [128] * 3
    assert control[0, 1, 1].tolist() == [0] * 3


def test_a_flat_depth_is_drawn_without_dividing_by_zero() -> None:
    assert not depth.to_control(np.ones((1, 2, 2))).any()


def test_an_edge_is_drawn_where_the_picture_changes() -> None:
    frames = np.zeros((1, 32, 32, 3), np.uint8)
    frames[:, :, 16:] = 255
    lines = edges.to_control(frames)
    assert set(np.unique(lines)) == {0, 255}
    assert set(np.nonzero(lines[0, 5, :, 0])[0]) <= {14, 15, 16, 17}
    assert not edges.to_control(np.full((1, 8, 8, 3), 77, np.uint8)).any()


def test_joints_without_confidence_or_place_are_left_out() -> None:
    joints = np.full((1, 18, 3), np.nan)
    joints[..., 2] = 0.0
    assert not pose.draw(joints, 32, 32).any()
    joints[0, 1] = (10.0, 10.0, 1.0)
    joints[0, 2] = (20.0, 10.0, 1.0)
    drawn = pose.draw(joints, 32, 32)
    assert drawn.shape == (1, 32, 32, 3)
    assert drawn[0, 10, 15].any() and not drawn[0, 25].any()
    assert not np.array_equal(drawn[0, 10, 10], drawn[0, 10, 20])


def test_several_persons_share_a_frame() -> None:
    joints = np.full((1, 2, 18, 3), np.nan)
    joints[0, 0, 0], joints[0, 1, 0] = (5.0, 5.0, 1.0), (25.0, 25.0, 1.0)
    drawn = pose.draw(joints, 32, 32)
    assert drawn[0, 5, 5].any() and drawn[0, 25, 25].any()
