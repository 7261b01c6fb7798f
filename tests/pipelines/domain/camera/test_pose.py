from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.domain.camera import pose
from pipelines.toybox.camera_moves import Stand, matrix
from tests.pipelines.domain.strategies import quaternions, vectors

angles = st.floats(-180, 180)


@given(quaternions())
def test_rotations_are_orthonormal_and_come_back_from_quaternions(quaternion: tuple[float, ...]) -> None:
    rotation = pose.rotation_from_quaternion(quaternion)
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(rotation) == pytest.approx(1.0)
    again = pose.quaternion_from_rotation(rotation)
    assert abs(float(again @ np.array(quaternion))) == pytest.approx(1.0, abs=1e-12) and again[0] >= 0


@given(quaternions(), quaternions())
def test_products_of_quaternions_are_products_of_rotations(left: tuple[float, ...], right: tuple[float, ...]) -> None:
    both = pose.rotation_from_quaternion(pose.multiply(left, right))
    np.testing.assert_allclose(
        both, pose.rotation_from_quaternion(left) @ pose.rotation_from_quaternion(right), atol=1e-12
    )


@given(quaternions(), quaternions(), st.floats(0, 1))
def test_slerp_turns_at_a_steady_rate(start: tuple[float, ...], end: tuple[float, ...], amount: float) -> None:
    first, last = (pose.rotation_from_quaternion(q) for q in (start, end))
    between = pose.rotation_from_quaternion(pose.slerp(start, end, amount))
    whole = float(pose.angles_degrees(first, last))
    assert float(pose.angles_degrees(first, between)) == pytest.approx(amount * whole, abs=1e-6)
    assert float(pose.angles_degrees(between, last)) == pytest.approx((1 - amount) * whole, abs=1e-6)


@given(vectors(3, 3.0))
def test_rotation_vectors_come_back_up_to_half_a_turn(vector: tuple[float, ...]) -> None:
    if np.linalg.norm(vector) < np.pi - 1e-3:
        back = pose.rotation_vector(pose.quaternion_from_vector(vector))
        np.testing.assert_allclose(back, vector, atol=1e-9)


@given(vectors(), vectors(), angles)
def test_who_looks_at_a_point_sees_it_in_the_middle_and_upright(
    position: tuple[float, ...], target: tuple[float, ...], roll: float
) -> None:
    away = float(np.linalg.norm(np.subtract(target, position)))
    if away < 1e-3:
        return
    rotation = pose.look_at(position, target)
    np.testing.assert_allclose(rotation.T @ np.subtract(target, position), [0, 0, away], atol=1e-6)
    assert rotation[1, 0] == pytest.approx(0.0, abs=1e-9) and rotation[1, 1] >= -1e-9
    rolled = pose.look_at(position, target, roll)
    assert float(pose.angles_degrees(rotation, rolled)) == pytest.approx(abs(roll), abs=1e-6)


def test_straight_down_keeps_the_pictures_right_at_x() -> None:
    down = pose.look_at((0.0, -2.0, 0.0), (0.0, 0.0, 0.0))
    np.testing.assert_allclose(down, [[1, 0, 0], [0, 0, 1], [0, -1, 0]], atol=1e-12)


@given(angles, st.floats(-89, 89), angles)
def test_angles_mean_what_they_mean_in_the_toy_world(yaw: float, pitch: float, roll: float) -> None:
    stand = Stand((0.0, 0.0, 0.0), *np.radians([yaw, pitch, roll]).tolist(), 28.0)
    np.testing.assert_allclose(pose.turned(yaw=yaw, pitch=pitch, roll=roll), matrix(stand)[:3, :3], atol=1e-12)


@given(quaternions(), vectors())
def test_the_inverse_leads_back(quaternion: tuple[float, ...], position: tuple[float, ...]) -> None:
    there = pose.matrices(pose.rotation_from_quaternion(quaternion), position)
    np.testing.assert_allclose(pose.inverse(there) @ there, np.eye(4), atol=1e-9)
    np.testing.assert_allclose(pose.relative_to(there[None], there)[0], np.eye(4), atol=1e-9)


def test_a_lens_is_told_in_millimetres_pixels_and_degrees() -> None:
    assert float(pose.focal_pixels(28.0, 480)) == pytest.approx(560.0)
    assert float(pose.focal_mm_from_pixels(560.0, 480)) == pytest.approx(28.0)
    assert float(pose.fov_y_degrees(12.0)) == pytest.approx(90.0)
    assert float(pose.focal_mm_from_fov_y(90.0)) == pytest.approx(12.0)
    np.testing.assert_allclose(pose.intrinsics(24.0, 640, 480), [[480, 0, 320], [0, 480, 240], [0, 0, 1]])
