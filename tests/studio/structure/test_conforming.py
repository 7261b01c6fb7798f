"""Any source comes to the model's grid, and what was done to it is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipelines.domain.errors import InvalidRequest, MediaError
from studio.media.framing import Framing
from studio.structure.conforming import Cut, Target, conformed, looked_at, plan, report
from studio.structure.timeline import frames_at, timeline
from tests.studio.structure.samples import clip_file, rolling, uneven_file

GRID = Target(width=64, height=64, num_frames=5, fps=6.0)


def test_a_source_is_cropped_scaled_and_thinned_and_each_is_told(tmp_path: Path) -> None:
    made = plan(clip_file(tmp_path, fps=12.0), GRID)
    assert made.picks == (1, 3, 5, 7, 9)
    assert conformed(made).pixels.shape == (5, 64, 64, 3) and conformed(made).fps == 6.0
    told = " ".join(made.report.steps)
    assert "0.00 to 0.83 s of 1.00 s are used." in told and "12.00 to 6 frames per second." in told
    assert "Cropped to 64 × 64 of 96 × 64." in told and made.report.warnings == ()


def test_a_source_that_fits_is_left_alone(tmp_path: Path) -> None:
    frames = rolling(5)
    made = plan(clip_file(tmp_path, frames, 6.0), Target(width=96, height=64, num_frames=5, fps=6.0))
    assert made.report.steps == () and made.report.warnings == ()
    assert np.abs(conformed(made).pixels.astype(int) - frames).mean() < 3.0


def test_the_chosen_part_is_used(tmp_path: Path) -> None:
    made = plan(clip_file(tmp_path), GRID, Cut(start_seconds=0.5, end_seconds=1.0))
    assert min(made.picks) >= 6 and made.report.start_seconds == 0.5
    assert any("stands still for the rest" in warning for warning in made.report.warnings)


def test_the_whole_range_can_be_spread_over_the_clip(tmp_path: Path) -> None:
    made = plan(clip_file(tmp_path), GRID, Cut(pace="spread"))
    assert made.picks == (1, 3, 6, 8, 10) and "Its 1.00 s are played in 0.83 s." in made.report.steps


def test_uneven_frames_are_taken_by_their_time(tmp_path: Path) -> None:
    path = uneven_file(tmp_path, [0, 100, 150, 900, 1000])
    line = timeline(path)
    assert line.is_variable and line.times == pytest.approx((0.0, 0.1, 0.15, 0.9, 1.0))
    made = plan(path, Target(width=64, height=64, num_frames=4, fps=4.0))
    assert made.picks == (1, 2, 2, 2)
    assert conformed(made).pixels.mean(axis=(1, 2, 3)) == pytest.approx([10, 20, 20, 20], abs=2)


def test_frames_far_into_a_clip_are_the_right_ones(tmp_path: Path) -> None:
    frames = np.stack([np.full((48, 48, 3), 2 * number, np.uint8) for number in range(120)])
    path = clip_file(tmp_path, frames, 24.0)
    found = dict(frames_at(path, timeline(path), [70, 71, 119]))
    assert [round(float(found[number].mean()) / 2) for number in (70, 71, 119)] == [70, 71, 119]


def test_a_single_picture_stands_still(tmp_path: Path) -> None:
    Image.fromarray(rolling(1)[0]).save(tmp_path / "one.png")
    made = plan(tmp_path / "one.png", GRID)
    assert made.picks == (0,) * 5 and "The picture stands still for 5 frames." in made.report.steps
    pixels, which = looked_at(made)
    assert len(pixels) == 1 and which.tolist() == [0] * 5


def test_a_clip_of_one_frame_is_warned_of(tmp_path: Path) -> None:
    assert "one frame only" in report(clip_file(tmp_path, rolling(1)), GRID).warnings[0]


def test_bars_and_framing_by_hand_are_told(tmp_path: Path) -> None:
    path = clip_file(tmp_path)
    whole = plan(path, GRID, Cut(framing=Framing(mode="fit")))
    assert "Shown whole between bars: 96 × 64 in 64 × 64." in whole.report.steps
    assert (conformed(whole).pixels[:, :8] == 0).all()
    part = plan(path, GRID, Cut(framing=Framing(mode="crop", x=0.0, zoom=2.0)))
    assert part.report.box == (0.0, 16.0, 32.0, 48.0)
    assert any("fewer pixels" in warning for warning in part.report.warnings)


def test_estimators_see_more_pixels_than_the_model_draws(tmp_path: Path) -> None:
    path = clip_file(tmp_path, rolling(5, 256, 192))
    pixels, which = looked_at(plan(path, GRID))
    assert pixels.shape[1:3] == (192, 192) and len(which) == 5


@pytest.mark.parametrize(
    "cut", [Cut(start_seconds=9.0), Cut(start_seconds=-1.0), Cut(start_seconds=0.5, end_seconds=0.5)]
)
def test_a_part_that_is_not_there_is_refused(tmp_path: Path, cut: Cut) -> None:
    with pytest.raises(InvalidRequest):
        plan(clip_file(tmp_path), GRID, cut)


def test_a_source_that_breaks_off_is_refused(tmp_path: Path) -> None:
    path = clip_file(tmp_path, np.random.default_rng(0).integers(0, 255, (40, 64, 64, 3), np.uint8))
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(MediaError):
        conformed(plan(path, Target(width=64, height=64, num_frames=40, fps=12.0)))
