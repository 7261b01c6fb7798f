"""What each camera word does, seen from the pose alone."""

import numpy as np
import pytest

from pipelines.toybox.camera_moves import MOVES, FloatArray, camera_path, catmull_rom
from pipelines.toybox.scene import CameraMove

AIM = np.array(CameraMove().aim)


def path(kind: str, amount: float, easing: str = "constant") -> tuple[FloatArray, FloatArray]:
    return camera_path(CameraMove(kind=kind, amount=amount, easing=easing), 9)


def seen(pose: FloatArray, point: FloatArray) -> FloatArray:
    """A world point in camera axes."""
    return np.asarray(pose[:3, :3].T @ (point - pose[:3, 3]))


def picture_x(pose: FloatArray) -> float:
    x, _, z = seen(pose, AIM)
    return float(x / z)


def picture_y(pose: FloatArray) -> float:
    _, y, z = seen(pose, AIM)
    return float(y / z)


def test_panning_left_moves_the_picture_right_and_the_camera_nowhere() -> None:
    poses, _ = path("pan left", 0.5)
    assert picture_x(poses[-1]) > picture_x(poses[0])
    assert np.array_equal(poses[-1, :3, 3], poses[0, :3, 3])


def test_tilting_up_moves_the_picture_down() -> None:
    poses, _ = path("tilt up", 0.4)
    assert picture_y(poses[-1]) > picture_y(poses[0])


def test_trucking_left_moves_the_camera_along_its_own_left_without_turning() -> None:
    poses, _ = path("truck left", 2.0)
    step = poses[0, :3, :3].T @ (poses[-1, :3, 3] - poses[0, :3, 3])
    assert step == pytest.approx([-2.0, 0.0, 0.0], abs=1e-9)
    assert np.allclose(poses[-1, :3, :3], poses[0, :3, :3])


def test_orbiting_left_goes_left_and_keeps_looking_from_the_same_distance() -> None:
    poses, _ = path("orbit left", 1.2)
    step = poses[0, :3, :3].T @ (poses[1, :3, 3] - poses[0, :3, 3])
    assert step[0] < 0
    for pose in poses:
        assert picture_x(pose) == pytest.approx(0.0, abs=1e-9)
        assert seen(pose, AIM)[2] == pytest.approx(seen(poses[0], AIM)[2])


def test_craning_up_rises_and_keeps_looking() -> None:
    poses, _ = path("crane up", 1.0)
    assert poses[-1, 1, 3] - poses[0, 1, 3] == pytest.approx(-1.0)
    assert all(abs(picture_y(pose)) < 1e-9 for pose in poses)


def test_pedestal_up_rises_without_turning() -> None:
    poses, _ = path("pedestal up", 1.0)
    assert poses[-1, 1, 3] - poses[0, 1, 3] == pytest.approx(-1.0)
    assert np.allclose(poses[-1, :3, :3], poses[0, :3, :3])


def test_dollying_in_changes_the_distance_by_its_ratio_and_zooming_the_lens_alone() -> None:
    poses, focal = path("dolly in", 2.0)
    assert seen(poses[0], AIM)[2] / seen(poses[-1], AIM)[2] == pytest.approx(2.0)
    assert np.ptp(focal) == 0
    poses, focal = path("zoom in", 2.0)
    assert focal[-1] / focal[0] == pytest.approx(2.0)
    assert np.array_equal(poses[0], poses[-1])


def test_a_dolly_zoom_keeps_the_aim_points_size() -> None:
    poses, focal = path("dolly zoom in", 2.0)
    sizes = [lens / seen(pose, AIM)[2] for pose, lens in zip(poses, focal, strict=True)]
    assert np.ptp(sizes) < 1e-9
    assert focal[-1] < focal[0]


def test_rolling_right_turns_the_camera_clockwise() -> None:
    poses, _ = path("roll right", 0.6)
    assert poses[-1, 1, 0] > poses[0, 1, 0]


@pytest.mark.parametrize("kind", sorted(set(MOVES) - {"handheld", "spline"}))
def test_every_directed_move_passes_its_base_pose_halfway(kind: str) -> None:
    amount = 1.6 if "zoom" in kind or "dolly" in kind else 0.5
    base, _ = path("static", 0.0)
    poses, focal = path(kind, amount)
    assert np.allclose(poses[4], base[4])
    assert focal[4] == pytest.approx(28.0)


def test_an_eased_move_starts_slowly_and_ends_where_the_constant_one_ends() -> None:
    constant, _ = path("truck left", 2.0)
    eased, _ = path("truck left", 2.0, "eased")
    assert np.allclose(constant[-1], eased[-1])
    assert abs(eased[1, 0, 3] - eased[0, 0, 3]) < 0.5 * abs(constant[1, 0, 3] - constant[0, 0, 3])


def test_handheld_and_spline_paths_are_decided_by_their_seed() -> None:
    for kind in ("handheld", "spline"):
        one, _ = camera_path(CameraMove(kind=kind, amount=0.6, seed=1), 9)
        again, _ = camera_path(CameraMove(kind=kind, amount=0.6, seed=1), 9)
        other, _ = camera_path(CameraMove(kind=kind, amount=0.6, seed=2), 9)
        assert np.array_equal(one, again)
        assert not np.allclose(one, other)


def test_the_spline_passes_through_its_keys() -> None:
    keys = np.random.default_rng(0).normal(size=(6, 3))
    for index in range(4):
        assert catmull_rom(keys, index / 3) == pytest.approx(keys[index + 1])
