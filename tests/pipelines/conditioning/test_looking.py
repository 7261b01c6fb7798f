"""How a pose model looks: boxes and views lead there and back, peaks lie between pixels, joints are put in order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.conditioning.coco import FROM_17, TO_17, with_neck
from pipelines.conditioning.heatmaps import peaks
from pipelines.conditioning.person_box import Box, View, around, whole

numbers = st.floats(-500.0, 500.0)
lengths = st.floats(2.0, 900.0)


@given(st.tuples(numbers, numbers, lengths, lengths), numbers, numbers)
def test_a_place_leads_into_a_view_and_back(box: tuple[float, float, float, float], x: float, y: float) -> None:
    view = View(Box(*box), (48, 64))
    place = np.array([[x, y]])
    assert np.allclose(view.back(view.into(place, (12, 16)), (12, 16)), place, atol=0.05)


def test_a_view_has_the_shape_of_the_input_around_the_same_middle() -> None:
    seen = View(Box(10.0, 20.0, 30.0, 80.0), (48, 64)).seen()
    assert (seen.width, seen.height) == (75.0, 100.0)
    assert (seen.left + seen.width / 2, seen.top + seen.height / 2) == (25.0, 60.0)


@pytest.mark.parametrize("side", [32, 64, 640])
def test_what_is_cut_out_lies_where_the_view_says(side: int) -> None:
    frame = np.zeros((side, side, 3), np.uint8)
    spot = side // 4
    frame[spot : spot + side // 8, 2 * spot : 2 * spot + side // 8] = 255
    view = View(whole(side, side), (64, 64))
    cut = view.cut(frame)[..., 0].astype(float)
    middle = np.array([(cut.sum(axis=axis) * np.arange(64)).sum() / cut.sum() for axis in (0, 1)])
    expected = view.into(np.array([[2 * spot + side / 16, spot + side / 16]]), (64, 64))
    assert np.allclose(middle, expected[0], atol=0.3)
    assert not cut[:5].any()


def test_the_box_around_joints_leaves_room() -> None:
    box = around(np.array([[10.0, 10.0], [20.0, 50.0]]))
    assert box.left < 10.0 and box.top < 10.0 and box.left + box.width > 20.0 and box.top + box.height > 50.0


@given(st.floats(3.0, 12.0), st.floats(3.0, 12.0))
def test_a_peak_is_found_between_the_pixels(x: float, y: float) -> None:
    steps = np.arange(16)
    hill = 0.8 * np.exp(-((steps[None, :] - x) ** 2 + (steps[:, None] - y) ** 2) / 4.5)
    found = peaks(hill[None].astype(np.float32))[0]
    assert np.allclose(found[:2], (x, y), atol=0.08)
    assert 0.7 < found[2] <= 0.8


def test_an_empty_heatmap_has_no_confidence() -> None:
    assert peaks(np.zeros((2, 8, 8), np.float32))[:, 2].tolist() == [0.0, 0.0]


def test_the_neck_lies_between_the_shoulders_and_the_others_keep_their_names() -> None:
    joints = np.arange(17 * 3, dtype=np.float32).reshape(1, 17, 3)
    eighteen = with_neck(joints)
    assert np.array_equal(eighteen[:, list(TO_17)], joints)
    assert np.allclose(eighteen[0, 1, :2], (joints[0, 5, :2] + joints[0, 6, :2]) / 2)
    assert eighteen[0, 1, 2] == min(joints[0, 5, 2], joints[0, 6, 2])
    assert len(FROM_17) == 18
