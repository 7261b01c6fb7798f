"""From wishes to files: what is extracted, masked, mended, drawn and laid back."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipelines.conditioning.figure import STANDING, FigureKey
from pipelines.conditioning.people import BODY_NAMES, WHOLE
from pipelines.domain.errors import GimbalError, MediaError, Stopped
from studio.media import read_frames
from studio.media.framing import Framing
from studio.structure.conforming import Cut, Target
from studio.structure.doing import Hands, Outcome, Paths
from studio.structure.joints import as_poses, joints_of, poses_from
from studio.structure.origin import origin_of, told
from studio.structure.wishes import Conform, Draw, Extract, Fix, Layback, Outpaint, Subject, TrackMask, Wish
from tests.pipelines.conditioning.figures import whole_figure
from tests.pipelines.conditioning.tiny_sam2 import sam2
from tests.studio.structure.samples import HEIGHT, WIDTH, clip_file, rolling, where

GRID = Target(width=WIDTH, height=HEIGHT, num_frames=6, fps=12.0)


def done(wish: Wish, folder: Path, **media: Path) -> Outcome:
    paths = Paths(media=media, clip=folder / "made.mp4", mask=folder / "mask.mp4")
    return Hands(()).do(wish, paths, lambda fraction: None)


def pixels(folder: Path, name: str = "made.mp4") -> np.ndarray:
    return read_frames(folder / name).pixels


@pytest.mark.parametrize(
    ("control", "estimator", "made_by"),
    [("edges", "", "canny"), ("scribble", "", "scribble"), ("flow", "", "dis-flow"), ("grey", "", "grey")],
)
def test_structure_comes_on_the_grid_and_tells_what_read_it(
    tmp_path: Path, control: str, estimator: str, made_by: str
) -> None:
    wish = Extract(source="s", control=control, target=GRID, estimator=estimator)  # type: ignore[arg-type]
    outcome = done(wish, tmp_path, s=clip_file(tmp_path))
    origin = origin_of(tmp_path / "made.mp4")
    assert pixels(tmp_path).shape == (6, HEIGHT, WIDTH, 3) and pixels(tmp_path).std() > 5
    assert outcome.estimator == made_by and origin is not None and origin.estimator == made_by
    assert origin.source == "s" and origin.details["target"]["num_frames"] == 6
    assert told([tmp_path / "made.mp4", tmp_path / "source.mp4"]) == f"{control} by {made_by}"


def test_line_art_names_what_drew_it(tmp_path: Path) -> None:
    outcome = done(Extract(source="s", control="edges", target=GRID, estimator="lineart"), tmp_path,
                   s=clip_file(tmp_path))  # fmt: skip
    assert outcome.estimator in ("lineart-opencv", "controlnet-aux-lineart")


def test_an_estimator_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GimbalError, match="Nothing named 'dowsing' reads depth"):
        done(Extract(source="s", control="depth", target=GRID, estimator="dowsing"), tmp_path, s=clip_file(tmp_path))


def test_a_picture_has_no_flow(tmp_path: Path) -> None:
    Image.fromarray(rolling(1)[0]).save(tmp_path / "one.png")
    with pytest.raises(GimbalError, match="this is one picture"):
        done(Extract(source="s", control="flow", target=GRID), tmp_path, s=tmp_path / "one.png")


def test_work_can_be_left(tmp_path: Path) -> None:
    def leave(fraction: float) -> None:
        raise Stopped("It was stopped.")

    paths = Paths(media={"s": clip_file(tmp_path)}, clip=tmp_path / "made.mp4", mask=tmp_path / "mask.mp4")
    with pytest.raises(Stopped):
        Hands(()).do(Extract(source="s", control="edges", target=GRID), paths, leave)


def painted(folder: Path, size: tuple[int, int] = (WIDTH, HEIGHT), level: int = 255) -> Path:
    mask = Image.fromarray(where(0).astype(np.uint8) * np.uint8(level)).resize(size)
    mask.save(folder / "mask.png")
    return folder / "mask.png"


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    return float((one & other).sum() / (one | other).sum())


def test_a_painted_mask_follows_what_it_was_painted_on(tmp_path: Path) -> None:
    done(TrackMask(source="s", mask="m", target=GRID), tmp_path, s=clip_file(tmp_path), m=painted(tmp_path))
    found = pixels(tmp_path)[..., 0] > 127
    assert min(overlap(found[frame], where(frame)) for frame in range(6)) > 0.75


def test_what_followed_a_mask_is_chosen_and_told(tmp_path: Path) -> None:
    files = {"s": clip_file(tmp_path), "m": painted(tmp_path)}
    done(TrackMask(source="s", mask="m", target=GRID, estimator="dis-grabcut"), tmp_path, **files)
    assert told([tmp_path / "made.mp4"]) == "mask by dis-grabcut"
    with pytest.raises(GimbalError, match="Nothing named 'nobody' reads mask"):
        done(Subject(source="s", target=GRID, estimator="nobody"), tmp_path, **files)


def test_sam_2_follows_a_mask_where_its_weights_are(tmp_path: Path) -> None:
    media = {"s": clip_file(tmp_path), "m": painted(tmp_path)}
    paths = Paths(media=media, clip=tmp_path / "made.mp4", mask=tmp_path / "mask.mp4")
    hands = Hands((sam2(tmp_path / "sam2-tiny"),))
    hands.do(TrackMask(source="s", mask="m", target=GRID, estimator="sam2-tiny"), paths, lambda fraction: None)
    assert overlap(pixels(tmp_path)[0, :, :, 0] > 127, where(0)) > 0.9 and told([paths.clip]) == "mask by sam2-tiny"
    outcome = hands.do(Subject(source="s", target=GRID, estimator="sam2-tiny"), paths, lambda fraction: None)
    assert outcome.estimator == "sam2-tiny" and pixels(tmp_path).shape == (6, HEIGHT, WIDTH, 3)


def test_the_moving_subject_is_found_without_a_hint(tmp_path: Path) -> None:
    done(Subject(source="s", target=GRID, keep="background"), tmp_path, s=clip_file(tmp_path))
    found = pixels(tmp_path)[..., 0] > 127
    assert min(overlap(found[frame], where(frame)) for frame in range(6)) > 0.6
    done(Subject(source="s", target=GRID, keep="subject"), tmp_path, s=clip_file(tmp_path))
    assert ((pixels(tmp_path)[..., 0] > 127) ^ found).mean() > 0.95


def test_nothing_stands_out_of_plain_grey(tmp_path: Path) -> None:
    with pytest.raises(GimbalError, match="no subject was found"):
        done(Subject(source="s", target=GRID), tmp_path, s=clip_file(tmp_path, np.full_like(rolling(), 120)))


def test_an_empty_mask_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GimbalError, match="mask is empty"):
        done(
            TrackMask(source="s", mask="m", target=GRID), tmp_path, s=clip_file(tmp_path), m=painted(tmp_path, level=0)
        )


def test_a_mask_of_another_shape_is_refused(tmp_path: Path) -> None:
    mask = painted(tmp_path, (64, 90))
    with pytest.raises(MediaError, match="neither the shape of the clip"):
        done(TrackMask(source="s", mask="m", target=GRID), tmp_path, s=clip_file(tmp_path), m=mask)


def test_outpainting_asks_for_the_bars_alone(tmp_path: Path) -> None:
    wide = Target(width=128, height=64, num_frames=3, fps=12.0)
    cut = Cut(framing=Framing(mode="fit"))
    outcome = done(Outpaint(source="s", target=wide, cut=cut), tmp_path, s=clip_file(tmp_path))
    mask = pixels(tmp_path, "mask.mp4")[0, :, :, 0] > 127
    assert outcome.has_mask and mask[:, :16].all() and mask[:, -16:].all() and not mask[:, 16:-16].any()
    with pytest.raises(GimbalError, match="nothing to paint around"):
        done(Outpaint(source="s", target=GRID, cut=cut), tmp_path, s=clip_file(tmp_path))


def test_an_inverted_clip_is_mended_frame_by_frame(tmp_path: Path) -> None:
    dark = 255 - rolling(4)
    done(Fix(source="s", control="edges", fix="invert"), tmp_path, s=clip_file(tmp_path, dark))
    assert np.abs(pixels(tmp_path).astype(int) - rolling(4)).mean() < 4.0


def test_a_posed_figure_moves_between_its_keys(tmp_path: Path) -> None:
    left = tuple((x - 0.2, y) for x, y in STANDING)
    right = tuple((x + 0.2, y) for x, y in STANDING)
    square = Target(width=96, height=96, num_frames=5, fps=8.0)
    keys = (FigureKey(frame=0, joints=left), FigureKey(frame=4, joints=right))
    outcome = done(Draw(keys=keys, target=square), tmp_path)
    middle = [float(np.nonzero(frame.max(axis=-1) > 90)[1].mean()) for frame in pixels(tmp_path)]
    steps = np.diff(middle)
    assert outcome.estimator == "by hand" and np.isclose(steps.sum(), 38.4, atol=1.0)
    assert np.allclose(steps, steps[::-1], atol=1.0) and (steps[1:3] > steps[0]).all()  # it starts and ends at rest


def test_the_joints_of_a_posed_figure_go_with_its_clip_by_name(tmp_path: Path) -> None:
    whole = tuple((float(x) / 96, float(y) / 96) for x, y in whole_figure(96.0)[:, :2])
    target = Target(width=96, height=96, num_frames=3, fps=8.0)
    wish = Draw(
        keys=(FigureKey(frame=0, joints=whole),), others=((FigureKey(frame=1, joints=STANDING),),), target=target
    )
    done(wish, tmp_path)
    found = joints_of(tmp_path / "made.mp4")
    assert found is not None and found.shape == (3, 2, WHOLE, 3)
    assert np.allclose(found[2, 0, :, :2], whole_figure(96.0)[:, :2], atol=0.07) and np.isnan(found[0, 1, 18:, 0]).all()
    poses = as_poses(found, (96, 96))
    assert set(poses["people"][1][0]["joints"]) == set(BODY_NAMES)
    again = poses_from(json.loads(json.dumps(poses)))
    assert len(again) == 2 and again[0][0].joints[0] == pytest.approx(STANDING[0], abs=1e-3)


def test_a_result_is_laid_over_the_whole_source(tmp_path: Path) -> None:
    source = clip_file(tmp_path, fps=12.0)
    square = Target(width=64, height=64, num_frames=3, fps=6.0)
    cut = Cut(start_seconds=0.25)
    result = clip_file(tmp_path, np.full((3, 64, 64, 3), 200, np.uint8), 6.0, "result.mp4")
    done(Layback(result="r", source="s", target=square, cut=cut), tmp_path, s=source, r=result)
    made, before = pixels(tmp_path).astype(int), rolling()
    assert made.shape == before.shape
    assert np.abs(made[:3] - before[:3]).mean() < 3 and np.abs(made[9:] - before[9:]).mean() < 3
    assert abs(made[3:9, :, 20:76].mean() - 200) < 3
    assert np.abs(made[3:9, :, :14] - before[3:9, :, :14]).mean() < 3


def test_a_result_is_laid_inside_its_mask_alone(tmp_path: Path) -> None:
    source, mask = clip_file(tmp_path), np.zeros((6, HEIGHT, WIDTH, 3), np.uint8)
    mask[:, 16:48, 32:64] = 255
    result = clip_file(tmp_path, np.full_like(mask, 220), name="result.mp4")
    white = clip_file(tmp_path, mask, name="white.mp4")
    done(Layback(result="r", source="s", target=GRID, mask="m"), tmp_path, s=source, r=result, m=white)
    made = pixels(tmp_path).astype(int)[:6]
    assert abs(made[:, 24:40, 40:56].mean() - 220) < 3
    assert np.abs(made[:, :12] - rolling()[:6, :12]).mean() < 3


def test_a_result_of_another_size_is_not_laid_back(tmp_path: Path) -> None:
    source = clip_file(tmp_path)
    with pytest.raises(MediaError, match="not what was taken"):
        done(Layback(result="s", source="s", target=GRID), tmp_path, s=source)


def test_conforming_tells_its_steps(tmp_path: Path) -> None:
    outcome = done(Conform(source="s", target=Target(width=64, height=64, num_frames=3, fps=6)), tmp_path,
                   s=clip_file(tmp_path))  # fmt: skip
    assert any("Cropped" in note for note in outcome.notes)
