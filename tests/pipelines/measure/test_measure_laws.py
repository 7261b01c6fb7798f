"""Laws of the measurement, on points with exact truth."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.domain.camera import pose
from pipelines.domain.camera.compare import compare
from pipelines.domain.camera.track import CameraTrack
from pipelines.measure.lens import shapes_of
from pipelines.measure.measured import Measured, as_track
from tests.pipelines.measure.clouds import FOCAL, FRAMES, SIZE, Floats, cloud, measured_from, seen, travel, turns


def errors(truth: Floats, found: Measured) -> tuple[float, float | None]:
    """Mean rotation error and the error of the way's direction, degrees."""
    result = compare(CameraTrack(camera_to_world=truth), as_track(found, SIZE))
    return result.mean_rotation_degrees, result.direction_to_end_degrees


def test_a_travelling_camera_is_found_up_to_its_scale() -> None:
    found = measured_from(seen(cloud(), travel()))
    rotation, direction = errors(travel(), found)
    assert found.method == "moving" and found.translation_seen and not found.zooms
    assert rotation < 0.1 and direction is not None and direction < 1.0
    assert found.lens_source == "given" and found.confidence > 0.95
    assert found.status == ("measured",) * FRAMES and np.nanmax(found.residual_pixels) < 0.2


def test_the_first_camera_is_the_origin_and_every_rotation_is_one() -> None:
    found = measured_from(seen(cloud(), travel())).camera_to_world
    assert np.allclose(found[0], np.eye(4), atol=1e-12)
    assert np.allclose(found[:, :3, :3] @ np.swapaxes(found[:, :3, :3], 1, 2), np.eye(3), atol=1e-9)
    assert np.allclose(np.linalg.det(found[:, :3, :3]), 1.0)


def test_the_unit_of_length_is_the_depth_of_what_the_first_camera_sees() -> None:
    points = cloud()
    first = seen(points, travel())[:, 0]
    depth = float(np.median(points[~np.isnan(first[:, 0]), 2]))
    way = np.linalg.norm(measured_from(seen(points, travel())).camera_to_world[-1, :3, 3])
    assert way == pytest.approx(np.linalg.norm(travel()[-1, :3, 3]) / depth, rel=0.1)


def test_a_clip_played_backwards_gives_the_same_way_back() -> None:
    xy = seen(cloud(), travel())
    forward, backward = measured_from(xy), measured_from(xy[:, ::-1])
    ahead = pose.relative_to(forward.camera_to_world[::-1], forward.camera_to_world[-1])
    back = compare(CameraTrack(camera_to_world=ahead), as_track(backward, SIZE))
    assert back.mean_rotation_degrees < 0.1
    assert back.mean_translation_fraction is not None and back.mean_translation_fraction < 0.01


def test_a_camera_that_only_turns_is_said_to_only_turn() -> None:
    found = measured_from(seen(cloud(), turns()))
    assert found.method == "turning" and not found.translation_seen
    assert np.array_equal(found.camera_to_world[:, :3, 3], np.zeros((FRAMES, 3)))
    assert pose.angles_degrees(found.camera_to_world[:, :3, :3], turns()[:, :3, :3]).max() < 0.1


def test_a_zoom_is_not_taken_for_a_way_forward() -> None:
    zoom = np.linspace(1.0, 1.6, FRAMES)
    found = measured_from(seen(cloud(), turns(), zoom=zoom))
    assert found.method == "turning and zooming" and found.zooms and not found.translation_seen
    assert found.focal_pixels[:, 0] / found.focal_pixels[0, 0] == pytest.approx(zoom, rel=0.02)


def test_a_way_forward_is_not_taken_for_a_zoom() -> None:
    ahead = pose.matrices(np.tile(np.eye(3), (FRAMES, 1, 1)), np.linspace(0, 1, FRAMES)[:, None] * [0.0, 0.0, 1.0])
    found = measured_from(seen(cloud(), ahead))
    rotation, direction = errors(ahead, found)
    assert found.method == "moving" and rotation < 0.1 and direction is not None and direction < 1.0


def test_a_still_camera_is_exactly_still_although_the_points_tremble() -> None:
    found = measured_from(seen(cloud(), np.tile(np.eye(4), (FRAMES, 1, 1))))
    assert found.method == "static"
    assert np.array_equal(found.camera_to_world, np.tile(np.eye(4), (FRAMES, 1, 1)))


def with_a_thing_that_moves(share: float) -> Floats:
    """(N, T, 3) points of which the last share go their own way together."""
    points = np.repeat(cloud()[:, None], FRAMES, axis=1)
    moving = round(share * len(points))
    points[-moving:] += np.linspace(0, 1, FRAMES)[:, None] * [-0.9, 0.3, 0.2]
    return points


def test_a_thing_that_moves_does_not_move_a_still_camera() -> None:
    found = measured_from(seen(with_a_thing_that_moves(0.35), np.tile(np.eye(4), (FRAMES, 1, 1))))
    assert found.method == "static"


def test_a_thing_that_moves_does_not_bend_the_way_of_a_camera() -> None:
    rotation, direction = errors(travel(), measured_from(seen(with_a_thing_that_moves(0.2), travel())))
    assert rotation < 0.5 and direction is not None and direction < 3.0


def test_pixels_that_are_not_square_are_found() -> None:
    narrow = FOCAL * (SIZE[0] / SIZE[1]) / (16 / 9)
    found = measured_from(seen(cloud(), travel(), lens=(narrow, FOCAL)))
    assert found.lens_source == "given, width estimated"
    assert found.focal_pixels[0] == pytest.approx([narrow, FOCAL], rel=0.01)
    assert errors(travel(), found)[0] < 0.2


@pytest.mark.parametrize(("name", "lens"), [("squeezed", (337.5, FOCAL)), ("cropped", (FOCAL, FOCAL))])
def test_of_the_ways_a_clip_may_have_got_its_shape_the_one_that_explains_it_is_told(
    name: str, lens: tuple[float, float]
) -> None:
    shapes = shapes_of(FOCAL / SIZE[1], 16 / 9, SIZE)
    assert {shape.name for shape in shapes} == {"squeezed", "cropped"}
    found = measured_from(seen(cloud(), travel(), lens=lens), shapes)
    assert found.lens_source == f"given, {name}" and errors(travel(), found)[0] < 0.2
    assert found.focal_pixels[0] == pytest.approx(lens)


def test_a_dolly_zoom_is_a_way_and_a_zoom_of_which_to_and_fro_is_a_guess() -> None:
    ahead = np.linspace(0.0, 1.2, FRAMES)
    cameras = pose.matrices(np.tile(np.eye(3), (FRAMES, 1, 1)), ahead[:, None] * [0.0, 0.0, 1.0])
    found = measured_from(seen(cloud(), cameras, zoom=(5.0 - ahead) / 5.0))
    assert found.method == "moving and zooming" and found.zooms and found.translation_seen
    assert errors(cameras, found)[0] < 0.5 and "half a guess" in found.doubt


def test_the_worse_points_are_seen_the_larger_the_expected_error() -> None:
    clear, poor = (measured_from(seen(cloud(), travel()), noise=noise) for noise in (0.02, 0.5))
    assert clear.doubt_degrees < poor.doubt_degrees
    assert clear.doubt_way is not None and poor.doubt_way is not None and clear.doubt_way < poor.doubt_way
    assert clear.doubt == "" and measured_from(seen(cloud(), turns())).doubt_way is None


def test_square_pixels_stay_square() -> None:
    found = measured_from(seen(cloud(), travel()))
    assert found.focal_pixels[0] == pytest.approx([FOCAL, FOCAL])


def test_a_focal_length_that_is_not_given_is_found() -> None:
    found = measured_from(seen(cloud(), travel()), None)
    assert found.lens_source == "estimated"
    assert found.focal_pixels[0] == pytest.approx([FOCAL, FOCAL], rel=0.1)
    assert errors(travel(), found)[0] < 1.0


def test_two_frames_are_enough() -> None:
    found = measured_from(seen(cloud(), travel()[[0, 4]]))
    rotation, direction = errors(travel()[[0, 4]], found)
    assert rotation < 0.3 and direction is not None and direction < 5.0
