"""Several people, with hands and faces: who is who, and how they are drawn."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.conditioning import pose
from pipelines.conditioning.extractors import every
from pipelines.conditioning.extractors.mediapipe_pose import _without
from pipelines.conditioning.extractors.pose import drawn
from pipelines.conditioning.people import BODY, FACE, LEFT_HAND, MOST, NAMES, WHOLE, followed, nobody
from tests.pipelines.conditioning.figures import whole_figure


def crowd(*places: float, side: float = 100.0) -> np.ndarray:
    """A frame with a figure at each place."""
    return np.stack([whole_figure(side, place) for place in places])


def test_every_joint_has_a_name_of_its_own() -> None:
    assert len(set(NAMES)) == WHOLE == 128
    assert NAMES[LEFT_HAND.start] == "left_hand_wrist" and NAMES[FACE.start] == "face_1" and NAMES[4] == "right_wrist"


def test_people_keep_their_places_when_an_estimator_changes_its_order() -> None:
    found = [crowd(0.0, 200.0), crowd(205.0, 5.0), crowd(10.0, 210.0), crowd(215.0, 15.0)]
    people, most = followed(found)
    assert people.shape == (4, 2, WHOLE, 3) and most == 2
    steps = np.diff(people[:, :, 0, 0], axis=0)
    assert np.allclose(steps, 5.0)


def test_someone_who_is_hidden_for_a_while_comes_back_as_the_same() -> None:
    found = [crowd(0.0, 200.0), crowd(0.0), crowd(0.0), crowd(0.0, 210.0)]
    people, _ = followed(found)
    assert (
        people.shape[1] == 2 and np.isnan(people[1:3, 1, 0, 0]).all() and people[3, 1, 0, 0] - people[0, 1, 0, 0] == 10
    )


def test_someone_who_walks_in_far_away_is_someone_else() -> None:
    people, _ = followed([crowd(0.0), crowd(600.0, side=90.0)])
    assert people.shape[1] == 2 and np.isfinite(people[0, 0, 0, 0]) and np.isnan(people[1, 0, 0, 0])


def test_of_ten_people_the_largest_are_followed_and_that_is_told() -> None:
    sizes = np.linspace(20.0, 110.0, 10)
    frame = np.stack([whole_figure(size, 150.0 * place) for place, size in enumerate(sizes)])
    people, most = followed([frame, frame[::-1]])
    assert people.shape[1] == MOST and most == 10
    heights = np.nanmax(people[0, :, :, 1], axis=1) - np.nanmin(people[0, :, :, 1], axis=1)
    assert (np.diff(heights) < 0).all() and heights[0] > 70
    made = drawn(people, (120, 1600), (400, 100), "someone", most)
    assert "10 people or more are seen; at most 6 are followed" in made.notes[0]
    assert "Hands are seen in 2, a face in 2 of 2 frames." in made.notes[1]
    assert made.joints is not None and made.joints[..., 0].max() < 400


def test_a_frame_without_anybody_is_no_person() -> None:
    people, most = followed([nobody(0), crowd(0.0)])
    assert people.shape == (2, 1, WHOLE, 3) and most == 1 and np.isnan(people[0]).any()
    assert followed([nobody(0)])[0].shape == (1, 0, WHOLE, 3)


def test_hands_and_faces_are_drawn_in_their_own_colours() -> None:
    whole = pose.draw(whole_figure(480.0)[None], 480, 480)[0]
    body = pose.draw(whole_figure(480.0)[None, BODY], 480, 480)[0]
    added = whole[(whole != body).any(axis=-1)]
    white, blue = (added == 255).all(axis=-1), (added == (0, 0, 255)).all(axis=-1)
    assert white.sum() > 400 and blue.sum() > 200
    tip = whole_figure(480.0)[LEFT_HAND][4, :2].round().astype(int)
    assert whole[tip[1], tip[0]].tolist() == [0, 0, 255]


def test_readers_of_poses_tell_what_they_find() -> None:
    told = {one.id: (one.gives, one.most_people) for one in every() if one.control == "pose"}
    assert told["toybox-pose"] == (("body",), 1)
    assert told["mediapipe-pose"] == (("body", "hands", "face"), MOST)


def test_someone_painted_over_leaves_no_outline() -> None:
    frame = np.full((120, 160, 3), (60, 120, 180), np.uint8)
    frame[30:100, 60:100] = (250, 20, 20)
    person = np.zeros((120, 160), np.float32)
    person[30:100, 60:100] = 1.0
    assert np.abs(_without(frame, person).astype(int) - (60, 120, 180)).max() <= 3
    assert (_without(frame, np.ones((120, 160))) == 127).all()


def test_mediapipe_finds_both_people_of_a_photograph() -> None:
    data = pytest.importorskip("skimage.data")
    (looker,) = (one for one in every() if one.id == "mediapipe-pose")
    if looker.why_not:
        pytest.skip(looker.why_not)
    photo = data.astronaut()
    pair = np.concatenate([photo, photo[:, ::-1]], axis=1)
    made = looker.extract(np.stack([pair, pair]), (256, 128), {}, lambda fraction: None)
    assert made.joints is not None and made.joints.shape == (2, 2, WHOLE, 3)
    noses = np.sort(made.joints[0, :, 0, 0])
    assert noses == pytest.approx([56, 200], abs=8)
    assert (made.joints[:, :, FACE, 2] == 1).all()
