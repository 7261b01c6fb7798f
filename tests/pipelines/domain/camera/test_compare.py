from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pipelines.domain.camera import pose
from pipelines.domain.camera.compare import Alignment, best_similarity, compare, path_length
from pipelines.domain.camera.path import CameraPath
from pipelines.domain.camera.plan_text import path_from_text
from pipelines.domain.camera.pose import Floats
from pipelines.domain.camera.track import CameraTrack, track_of
from tests.pipelines.domain.strategies import camera_paths, quaternions, vectors

ORBIT = track_of(path_from_text("orbit left 90 and crane up 1"), 17)
STILL = track_of(path_from_text("pan left 60"), 17)


def elsewhere(track: CameraTrack, scale: float, turn: Floats, shift: Floats) -> CameraTrack:
    """The same camera in a world of other units, axes and origin."""
    poses = track.camera_to_world
    return CameraTrack(camera_to_world=pose.matrices(turn @ poses[:, :3, :3], scale * poses[:, :3, 3] @ turn.T + shift))


@pytest.mark.parametrize("align", ["first", "best"])
@settings(max_examples=30)
@given(path=camera_paths(), turn=quaternions(), shift=vectors(), scale=st.floats(0.01, 100))
def test_units_axes_and_origin_of_the_world_make_no_error(
    align: Alignment, path: CameraPath, turn: tuple[float, ...], shift: tuple[float, ...], scale: float
) -> None:
    asked = track_of(path, 9)
    assume(path_length(asked.camera_to_world) > 0.1)
    found = elsewhere(asked, scale, pose.rotation_from_quaternion(turn), np.array(shift))
    result = compare(asked, found, align)
    assert result.rotation_degrees.max() < 1e-3 and result.step_rotation_degrees.max() < 1e-3
    assert result.translation_fraction is not None and result.translation_fraction.max() < 1e-4
    assert result.scale == pytest.approx(1 / scale, rel=1e-4)
    np.testing.assert_allclose(result.aligned[:, :3, 3], asked.camera_to_world[:, :3, 3], atol=0.1)


def test_a_known_turn_is_told_in_degrees() -> None:
    poses = STILL.camera_to_world.copy()
    poses[1:, :3, :3] = pose.turned(yaw=7.0) @ poses[1:, :3, :3]
    result = compare(STILL, CameraTrack(camera_to_world=poses))
    np.testing.assert_allclose(result.rotation_degrees, [0.0] + [7.0] * 16, atol=1e-9)
    assert result.mean_rotation_degrees == pytest.approx(7 * 16 / 17)
    np.testing.assert_allclose(result.step_rotation_degrees, [7.0] + [0.0] * 15, atol=1e-6)


def test_a_camera_that_only_turns_has_no_translation_error() -> None:
    for align in ("first", "best"):
        result = compare(STILL, STILL, align)  # type: ignore[arg-type]
        assert result.translation_fraction is None and result.scale is None and result.mean_translation_fraction is None
        assert result.mean_direction_degrees is None and result.direction_to_end_degrees is None
        assert result.rotation_degrees.max() < 1e-6


def test_a_camera_that_did_not_follow_is_far_off() -> None:
    result = compare(ORBIT, track_of(path_from_text("orbit right 90 and crane down 1"), 17))
    assert result.mean_direction_degrees is not None and result.mean_direction_degrees > 90
    assert result.direction_to_end_degrees is not None and result.direction_to_end_degrees > 90
    assert result.mean_rotation_degrees > 40
    assert result.mean_translation_fraction is not None and result.mean_translation_fraction > 0.3


def test_an_opposite_straight_path_is_not_turned_into_a_right_one() -> None:
    there, back = (track_of(path_from_text(f"truck {side}"), 9) for side in ("left", "right"))
    for align in ("first", "best"):
        assert compare(there, back, align).mean_direction_degrees == pytest.approx(180.0)  # type: ignore[arg-type]


def test_the_best_alignment_spreads_an_error_of_the_first_frame() -> None:
    poses = ORBIT.camera_to_world.copy()
    poses[0, :3, :3] = poses[0, :3, :3] @ pose.turned(yaw=5.0)
    wrong = CameraTrack(camera_to_world=poses)
    assert compare(ORBIT, wrong, "best").mean_rotation_degrees < 1.0 < compare(ORBIT, wrong).mean_rotation_degrees


def test_a_straight_path_has_one_best_rotation() -> None:
    poses = track_of(path_from_text("dolly in"), 9).camera_to_world
    _, turn, _ = best_similarity(poses, poses)
    np.testing.assert_allclose(turn, np.eye(3), atol=1e-9)


def test_tracks_of_other_length_are_refused() -> None:
    with pytest.raises(ValueError, match="17 asked poses against 9"):
        compare(ORBIT, track_of(path_from_text("static"), 9))


@pytest.mark.parametrize(
    "wrong",
    [
        {"camera_to_world": np.zeros((0, 4, 4))},
        {"camera_to_world": np.zeros((2, 3, 4))},
        {"camera_to_world": np.full((2, 4, 4), np.nan)},
        {"focal_mm": np.zeros(17)},
        {"focal_mm": np.full(3, 28.0)},
        {"seconds": np.zeros(17)},
    ],
)
def test_what_is_no_track_is_refused(wrong: dict[str, Floats]) -> None:
    with pytest.raises(ValueError):
        CameraTrack(**{"camera_to_world": ORBIT.camera_to_world, **wrong})  # type: ignore[arg-type]
