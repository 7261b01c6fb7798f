"""What reads structure: chosen by capability, honest about what it cannot do here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pipelines.conditioning.choosing import chosen
from pipelines.conditioning.extractors import every
from pipelines.conditioning.extractors.flow import between, coloured
from pipelines.conditioning.extractors.lineart import by_opencv
from pipelines.conditioning.extractors.mediapipe_pose import skeleton
from pipelines.conditioning.extractors.pose import drawn
from pipelines.conditioning.moved_photo import carried, moved
from pipelines.conditioning.pose_hits import hits
from pipelines.domain.errors import GimbalError
from tests.studio.structure.samples import rolling

ROOT = Path(__file__).resolve().parents[3]


def test_each_control_has_an_extractor_that_needs_no_download() -> None:
    for control in ("depth", "pose", "edges", "scribble", "flow", "grey"):
        assert chosen(control, "", every()).why_not == ""  # type: ignore[arg-type]
    assert chosen("depth", "", every()).id == "toybox-depth" and chosen("edges", "", every()).id == "canny"


def test_one_that_cannot_be_used_here_says_why() -> None:
    for extractor in every():
        if extractor.why_not:
            with pytest.raises(GimbalError, match="cannot be used here"):
                chosen(extractor.control, extractor.id, every())


def test_listing_them_loads_no_torch() -> None:
    code = "from pipelines.conditioning.extractors import every; every(); import sys; assert 'torch' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_flow_points_where_things_go() -> None:
    clip = rolling(2, 192, 128)
    motion = between(clip[0, ..., 1], clip[1, ..., 1])
    right, down = np.median(motion[54:74, 14:34], axis=(0, 1))
    assert 1.0 < right < 4.0 and abs(down) < 0.6
    assert np.abs(motion[:30, 100:]).max() < 0.5


def test_flow_is_white_where_nothing_moves_and_red_to_the_right() -> None:
    motion = np.zeros((1, 8, 8, 2), np.float32)
    motion[:, :, 4:] = (5.0, 0.0)
    colours = coloured(motion)
    assert (colours[0, :, :4] == 255).all() and colours[0, 0, 7].tolist() == [255, 0, 0]


def test_line_art_is_bright_on_dark_strokes_alone() -> None:
    picture = np.full((1, 64, 64, 3), 220, np.uint8)
    picture[:, 30:33] = 40
    lines = by_opencv(picture, {})
    assert (lines[0, 31] > 100).all() and lines[0, :20].max() < 30 and lines[0, 45:].max() < 30


def test_a_skeleton_is_drawn_at_the_size_that_is_asked_for() -> None:
    person = np.ones((3, 1, 18, 3), np.float32)
    person[..., 0], person[..., 1] = np.linspace(40, 160, 18), np.linspace(20, 180, 18)
    person[2] = (np.nan, np.nan, 0.0)
    made = drawn(person, (200, 200), (100, 50), "someone", most=10)
    assert made.pixels.shape == (3, 50, 100, 3) and made.pixels[:2].max() > 200 and not made.pixels[2].any()
    assert "No person is seen in 1 of 3 frames" in made.notes[0] and "10 people or more" in made.notes[1]


def test_nobody_in_the_picture_is_an_answer() -> None:
    nobody = np.full((2, 1, 18, 3), np.nan, np.float32)
    nobody[..., 2] = 0.0
    with pytest.raises(GimbalError, match="No person is seen"):
        drawn(nobody, (64, 64), (64, 64), "someone")


def test_mediapipes_landmarks_become_the_joints_of_coco() -> None:
    marks = np.stack([np.arange(33) / 100, np.arange(33) / 50, np.linspace(0.5, 1.0, 33)], axis=1)
    joints = skeleton(marks, 200, 100)
    assert joints[0, :2] == pytest.approx([0, 0]) and joints[4, :2] == pytest.approx([32, 32])  # nose, right wrist
    assert joints[1, :2] == pytest.approx([23, 23]) and joints[13, :2] == pytest.approx([54, 54])  # neck, left ankle
    assert np.isnan(skeleton(None, 200, 100)[:, :2]).all()


def test_one_rule_counts_joints() -> None:
    true = np.ones((1, 18, 3))
    true[0, :, :2] = np.random.default_rng(0).uniform(0, 100, (18, 2))
    found = true.copy()
    found[0, :6, 0] += 30.0
    found[0, 6:9, 2] = 0.1
    assert hits(found, true) == (9, 18)
    true[0, 3:, 2] = 0.0
    assert hits(found, true) == (0, 0)


def test_a_moved_photograph_is_where_its_maps_say() -> None:
    photo = np.zeros((100, 120, 3), np.uint8)
    photo[48:53, 58:63] = 255
    clip, maps = moved(photo, 5)
    spot = np.tile(np.array([60.0, 50.0, 1.0]), (18, 1))
    for frame, place in zip(clip, carried(spot, maps)[:, 0, :2], strict=True):
        rows, columns = np.nonzero(frame[..., 0] > 127)
        assert (columns.mean(), rows.mean()) == pytest.approx(tuple(place), abs=0.7)
