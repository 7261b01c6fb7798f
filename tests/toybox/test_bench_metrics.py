"""The benchmark's metrics as laws: what the truth scores, and what a known change costs."""

import cv2
import numpy as np
import pytest

from pipelines.domain.camera.pose import angles_degrees
from pipelines.measure.direct import follow_camera
from pipelines.toybox.bench import pictures, text
from pipelines.toybox.bench.camera import path_error
from pipelines.toybox.bench.quality import frechet, principal
from pipelines.toybox.bench.scenes import Case, Shape, draw_cases, has_measurable_path
from pipelines.toybox.judge import facts
from pipelines.toybox.sampling import EVERYDAY, is_held_out


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    return draw_cases(EVERYDAY, Shape(64, 64, 17), 2, has_measurable_path, series=1)


def turned(angle: float, axis: int) -> np.ndarray:
    vector = np.zeros(3)
    vector[axis] = angle
    pose = np.eye(4)
    pose[:3, :3] = cv2.Rodrigues(vector)[0]
    return pose


def test_equal_pictures_have_the_best_psnr_and_a_known_error_its_own() -> None:
    grey = np.full((2, 4, 4, 3), 100, np.uint8)
    assert pictures.psnr(grey, grey) == pictures.BEST_PSNR
    assert pictures.psnr(grey, grey + np.uint8(10)) == pytest.approx(20 * np.log10(25.5))


def test_only_the_pixels_asked_for_count_in_a_psnr() -> None:
    grey, other = np.full((1, 4, 4, 3), 100, np.uint8), np.full((1, 4, 4, 3), 100, np.uint8)
    other[:, :2] = 0
    where = np.zeros((1, 4, 4), bool)
    where[:, 2:] = True
    assert pictures.psnr(other, grey, where) == pictures.BEST_PSNR > pictures.psnr(other, grey)


def test_true_depth_has_no_error_whatever_its_scale_and_shift(cases: list[Case]) -> None:
    nearness = 1.0 / cases[0].depth
    for estimate in (nearness, 3.0 * nearness + 0.5):
        found = pictures.depth_errors(estimate, cases[0].depth)
        assert found["abs_rel"] == pytest.approx(0.0, abs=1e-4) and found["delta"] == 1.0
    assert pictures.depth_errors(nearness[:, :, ::-1], cases[0].depth)["abs_rel"] > 0.05


def test_true_joints_are_all_found_and_distant_ones_are_not() -> None:
    person = np.zeros((2, 18, 3), np.float32)
    person[..., :2] = np.random.default_rng(0).uniform(20, 80, (2, 18, 2))
    person[..., 2] = 1.0
    away, missing = person.copy(), person.copy()
    away[:, :9, 0] += 30.0
    missing[:, :9] = np.nan
    unsure = person.copy()
    unsure[:, :9, 2] = 0.1
    assert pictures.pck(person, person) == 1.0 and pictures.pck(unsure, person) == 0.5
    assert pictures.pck(away, person) == pictures.pck(missing, person) == 0.5
    person[..., 2] = 0.0
    assert pictures.pck(away, person) is None


def test_an_edge_map_fits_itself_and_a_shift_of_one_pixel_is_forgiven() -> None:
    edges = np.zeros((1, 16, 16, 3), np.uint8)
    edges[:, 8] = 255
    assert pictures.edge_score(edges, edges) == pytest.approx(1.0)
    assert pictures.edge_score(np.roll(edges, 1, axis=1), edges) == pytest.approx(1.0)
    assert pictures.edge_score(np.roll(edges, 4, axis=1), edges) == 0.0


def test_a_clip_at_rest_and_a_steady_change_do_not_flicker() -> None:
    ramp = np.repeat(np.arange(0, 60, 10, np.uint8), 48).reshape(6, 4, 4, 3)
    assert pictures.flicker(ramp) == pytest.approx(0.0, abs=1e-4)
    ramp[::2] += np.uint8(8)
    assert pictures.flicker(ramp) == pytest.approx(16.0, abs=1e-4)


def test_the_true_clip_is_warped_into_itself_better_than_a_noisy_one(cases: list[Case]) -> None:
    case = cases[0]
    noise = np.random.default_rng(0).integers(-20, 20, case.frames.shape)
    noisy = np.clip(case.frames.astype(int) + noise, 0, 255).astype(np.uint8)
    assert pictures.warping_error(case.frames, case.flow) < 0.5 * pictures.warping_error(noisy, case.flow)


def test_a_path_has_no_error_against_itself_nor_against_itself_in_other_axes(cases: list[Case]) -> None:
    path, moved = cases[0].poses, turned(1.0, 1) @ cases[0].poses
    for other in (path, moved):
        error = path_error(other, path)
        assert error.rotation_degrees == pytest.approx(0.0, abs=1e-4)
        assert error.translation is None or error.translation == pytest.approx(0.0, abs=1e-5)


def test_a_known_turn_and_a_known_step_are_told_in_degrees_and_shares() -> None:
    path = np.stack([np.eye(4)] * 3)
    path[:, 0, 3] = (0.0, 1.0, 2.0)
    off = path.copy()
    off[1:, :3, :3] = turned(np.radians(10.0), 2)[:3, :3]
    off[1:, 1, 3] += 0.5
    error = path_error(off, path)
    assert error.rotation_degrees == pytest.approx(10.0) and error.translation == pytest.approx(0.25)
    assert angles_degrees(np.eye(3), turned(1e-6, 0)[:3, :3]) == pytest.approx(np.degrees(1e-6), rel=1e-6)


def test_the_camera_of_true_renders_is_found_within_a_degree(cases: list[Case]) -> None:
    for case in cases:
        found = follow_camera(case.frames, case.depth, case.still, case.focals)
        error = path_error(found.poses, case.poses)
        assert error.rotation_degrees < 1.0
        assert error.translation is None or error.translation < 0.05


def test_a_clip_that_stands_still_is_not_given_the_path_that_was_asked(cases: list[Case]) -> None:
    case = cases[0]
    still = np.repeat(case.frames[:1], len(case.frames), axis=0)
    found = follow_camera(still, case.depth, case.still, case.focals)
    assert np.abs(found.poses - np.eye(4)).max() < 0.02


def test_a_set_has_no_distance_to_itself_and_a_shifted_one_its_square() -> None:
    features = np.random.default_rng(0).standard_normal((200, 4))
    assert frechet(features, features) == pytest.approx(0.0, abs=1e-6)
    assert frechet(features, features + 2.0) == pytest.approx(16.0)
    assert frechet(features, 3.0 * features) > 1.0


def test_main_directions_have_unit_deviation_in_the_set_they_come_from() -> None:
    features = np.random.default_rng(0).standard_normal((50, 20)) * np.arange(1, 21)
    mean, directions = principal(features, 5)
    assert np.allclose(np.cov((features - mean) @ directions, rowvar=False), np.eye(5), atol=1e-8)


def test_what_is_asked_is_right_and_an_exchange_of_two_things_is_a_wrong_relation() -> None:
    asked = {**facts(draw_cases(EVERYDAY, Shape(16, 16, 5), 1)[0].scene), "count": "2", "relation": "side by side",
             "colour": "red", "shape": "ball", "pattern": "plain", "motion": "still", "second colour": "blue",
             "second shape": "cube", "second pattern": "plain", "second motion": "still", "action": "none"}
    swapped = {**asked, "colour": "blue", "shape": "cube", "second colour": "red", "second shape": "ball"}
    painted = {**asked, "colour": "blue", "second colour": "red"}
    assert all(text.verdicts(asked, asked).values())
    seen = text.verdicts(asked, swapped)
    assert seen["colour"] and seen["shape"] and not seen["relation"] and not seen["together"]
    seen = text.verdicts(asked, painted)
    assert seen["colour"] and not seen["together"]
    assert text.shares([asked, asked], [asked, {**asked, "sky": "green"}])["sky"] == 0.5


def test_the_scenes_are_held_out_and_always_the_same() -> None:
    one, two = (draw_cases(EVERYDAY, Shape(16, 16, 5), 3, has_measurable_path, series=1) for _ in range(2))
    assert [case.caption for case in one] == [case.caption for case in two]
    assert all(is_held_out(case.scene) and has_measurable_path(case.scene) for case in one)
    assert np.array_equal(one[0].frames, two[0].frames)
