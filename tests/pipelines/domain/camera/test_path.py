from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.domain.camera import pose
from pipelines.domain.camera.path import FOCAL_MM, CameraKey, CameraPath
from pipelines.domain.camera.problems import MAX_KEYS, Obstacle, problems
from pipelines.domain.errors import InvalidRequest
from tests.pipelines.domain.strategies import camera_paths

A = CameraKey(time=0, position=(0, -1, -4), target=(0, 0, 0))
B = CameraKey(time=1, position=(2, -1, -4), target=(0, 0, 0), focal_mm=50)
PLAIN = CameraPath(keys=(A, B))


def told(path: CameraPath) -> str:
    return " ".join(problem.message for problem in problems(path))


@given(camera_paths(), st.integers(1, 40))
def test_every_sampled_pose_is_rigid_and_every_lens_positive(path: CameraPath, num_frames: int) -> None:
    poses, focal = path.sample(num_frames)
    rotation = poses[:, :3, :3]
    assert poses.shape == (num_frames, 4, 4) and focal.shape == (num_frames,)
    np.testing.assert_allclose(
        rotation @ np.swapaxes(rotation, 1, 2), np.broadcast_to(np.eye(3), rotation.shape), atol=1e-9
    )
    np.testing.assert_allclose(np.linalg.det(rotation), 1.0, atol=1e-9)
    np.testing.assert_array_equal(poses[:, 3], np.broadcast_to([0, 0, 0, 1], (num_frames, 4)))
    assert ((focal >= FOCAL_MM[0]) & (focal <= FOCAL_MM[1])).all() and np.isfinite(poses).all()


def test_a_lens_between_short_and_long_ones_stays_one_that_a_path_may_have() -> None:
    lenses = ((0.0, 400.0), (0.04, 8.0), (0.24, 228.0))
    keys = tuple(replace(A, time=time, focal_mm=focal) for time, focal in lenses)
    focal = CameraPath(keys=keys).at(np.linspace(0, 1, 500))[1]
    assert focal.min() == FOCAL_MM[0] and focal[0] == pytest.approx(400)


@given(camera_paths())
def test_the_camera_passes_through_its_keys(path: CameraPath) -> None:
    plain = replace(path, speed=((0, 0), (1, 1)))
    poses, focal = plain.at([key.time for key in path.keys])
    np.testing.assert_allclose(poses[:, :3, 3], [key.position for key in path.keys], atol=1e-9)
    np.testing.assert_allclose(focal, [key.focal_mm for key in path.keys], rtol=1e-9)


@given(camera_paths())
def test_reversing_twice_is_doing_nothing(path: CameraPath) -> None:
    again = path.reversed().reversed()
    assert [replace(key, time=0) for key in again.keys] == [replace(key, time=0) for key in path.keys]
    np.testing.assert_allclose([key.time for key in again.keys], [key.time for key in path.keys], atol=1e-12)
    np.testing.assert_allclose(again.speed, path.speed, atol=1e-12)


@settings(max_examples=40)
@given(camera_paths(), st.integers(2, 9))
def test_reversing_twice_leaves_every_pose_where_it_was(path: CameraPath, num_frames: int) -> None:
    once, twice = path.sample(num_frames), path.reversed().reversed().sample(num_frames)
    np.testing.assert_allclose(twice[0], once[0], atol=1e-6)
    np.testing.assert_allclose(twice[1], once[1], rtol=1e-9)


@given(camera_paths(), st.lists(st.floats(0.01, 0.99), min_size=1, max_size=8))
def test_a_reversed_path_is_the_same_way_back(path: CameraPath, times: list[float]) -> None:
    there, _ = path.at(times)
    back, _ = path.reversed().at(1.0 - np.array(times))
    np.testing.assert_allclose(back[:, :3, 3], there[:, :3, 3], atol=1e-6)


@given(camera_paths())
def test_the_speed_curve_never_runs_back(path: CameraPath) -> None:
    progress = path.progress(np.linspace(0, 1, 301))
    assert (np.diff(progress) >= -1e-12).all()
    assert progress[0] == 0.0 and progress[-1] == 1.0


@given(camera_paths().filter(lambda path: path.loop))
def test_a_loop_comes_back_to_where_it_began(path: CameraPath) -> None:
    poses, focal = path.at([0.0, 1.0])
    np.testing.assert_allclose(poses[0], poses[1], atol=1e-6)
    assert focal[0] == pytest.approx(focal[1])


def test_rotations_turn_without_a_jump_where_kinds_of_keys_meet() -> None:
    turned = tuple(pose.quaternion_from_rotation(pose.turned(yaw=70)))
    path = CameraPath(keys=(A, replace(B, time=0.4, target=None, quaternion=turned), replace(A, time=1)))
    poses, _ = path.at(np.linspace(0, 1, 1001))
    steps = pose.angles_degrees(poses[:-1, :3, :3], poses[1:, :3, :3])
    assert steps.max() < 1.0


def test_two_free_rotations_are_joined_at_a_steady_rate() -> None:
    end = tuple(pose.quaternion_from_rotation(pose.turned(yaw=90, pitch=20)))
    path = CameraPath(
        keys=(CameraKey(time=0, position=(0, 0, 0)), CameraKey(time=1, position=(0, 0, 0), quaternion=end))
    )
    poses, _ = path.sample(11)
    steps = pose.angles_degrees(poses[:-1, :3, :3], poses[1:, :3, :3])
    np.testing.assert_allclose(steps, steps[0], rtol=1e-9)


def test_a_target_stays_in_the_middle_of_the_picture() -> None:
    poses, _ = PLAIN.sample(9)
    seen = (pose.inverse(poses) @ np.array([0.0, 0, 0, 1]))[:, :3]
    np.testing.assert_allclose(seen[:, :2], 0.0, atol=1e-9)
    assert (seen[:, 2] > 0).all()


def test_the_camera_rests_while_two_keys_are_in_one_place() -> None:
    path = CameraPath(keys=(A, replace(B, time=0.5), replace(B, time=1)))
    poses, _ = path.at(np.linspace(0.5, 1, 20))
    np.testing.assert_allclose(poses, np.broadcast_to(poses[:1], poses.shape), atol=1e-12)


def test_tension_stops_the_camera_at_a_key() -> None:
    corner = CameraPath(keys=(A, replace(B, time=0.5, tension=1), replace(A, time=1, position=(2, -3, -4))))
    poses, _ = corner.at([0.5, 0.5001])
    assert math.dist(poses[0, :3, 3], poses[1, :3, 3]) < 1e-6


@pytest.mark.parametrize(
    ("path", "words"),
    [
        (CameraPath(keys=()), "no key"),
        (CameraPath(keys=(A,)), "one key"),
        (CameraPath(keys=(A, replace(B, time=0))), "same time"),
        (CameraPath(keys=(replace(A, time=1), replace(B, time=0.5))), "comes before"),
        (CameraPath(keys=(A, replace(B, position=(0, math.nan, 0)))), "no number"),
        (CameraPath(keys=(A, replace(B, target=(math.inf, 0, 0)))), "no number"),
        (CameraPath(keys=(A, replace(B, time=1.5))), "outside 0 to 1"),
        (CameraPath(keys=(A, replace(B, position=(0, 0, 1e9)))), "farther"),
        (CameraPath(keys=(A, replace(B, target=B.position))), "looks at"),
        (CameraPath(keys=(A, replace(B, quaternion=(1, 0, 0, 0)))), "both"),
        (CameraPath(keys=(A, replace(B, target=None, quaternion=(0, 0, 0, 0)))), "rotation"),
        (CameraPath(keys=(A, replace(B, focal_mm=0))), "lens"),
        (CameraPath(keys=(A, replace(B, roll_degrees=1e6))), "rolls"),
        (CameraPath(keys=(A, replace(B, tension=2))), "tension"),
        (CameraPath(keys=tuple(replace(A, time=n / 9999) for n in range(10_000))), f"{MAX_KEYS:,} are the most"),
        (CameraPath(keys=(A, B), speed=((0, 0), (0.5, 0.9), (1, 0.8))), "does not lead"),
        (CameraPath(keys=(A, B), speed=((0, 0), (0.5, 0.9), (0.6, 0.5), (1, 1))), "falls"),
        (CameraPath(keys=(A, B), speed=((0, 0), (0.5, 0.5), (0.5, 0.6), (1, 1))), "same time"),
        (CameraPath(keys=(A, B), speed=((0, 0), (math.nan, 0.5), (1, 1))), "no number"),
        (CameraPath(keys=(A, B), speed=()), "points"),
        (CameraPath(keys=(A, B), loop=True), "come back"),
    ],
)
def test_what_is_wrong_is_said_in_words_and_nothing_is_sampled(path: CameraPath, words: str) -> None:
    assert words in told(path)
    with pytest.raises(InvalidRequest, match=words):
        path.sample(5)


def test_every_problem_is_told_at_once() -> None:
    path = CameraPath(keys=(replace(A, focal_mm=0), replace(B, time=0, tension=3)), speed=((0, 0), (1, 0.5)))
    assert all(words in told(path) for words in ("lens", "same time", "tension", "speed curve"))


def test_a_thousand_wrong_keys_are_told_in_a_few_lines() -> None:
    path = CameraPath(keys=tuple(replace(A, time=n / 999, focal_mm=0) for n in range(1000)))
    assert len(problems(path)) == 21


def test_driving_through_the_subject_is_a_problem() -> None:
    ball = Obstacle(name="ball", centre=(0, -1, 0), radii=(0.5, 0.5, 0.5), round=True)
    through = CameraPath(keys=(A, replace(B, position=(0, -1, 4), target=(0, -1, 9))))
    assert problems(through) == ()
    assert "runs into the ball" in " ".join(p.message for p in problems(through, [ball]))
    assert problems(PLAIN, [ball]) == ()
