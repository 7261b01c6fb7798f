"""Training of the depth and the pose estimator at toy size: both learn, resume exactly and end in stock classes."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from transformers import AutoImageProcessor, AutoModelForDepthEstimation, VitPoseForPoseEstimation

from pipelines.conditioning import depth, pose
from pipelines.toybox import clips, measure_estimators, train_depth, train_pose
from pipelines.toybox.estimators_recipes import DEPTH, POSE
from pipelines.toybox.estimators_training import EstimatorRun, Lesson, begin, train, write_folder
from pipelines.toybox.recipes import CI

SHARDS = 4


def depth_lesson(run: EstimatorRun) -> Lesson:
    return train_depth.lesson(DEPTH["ci"], run)


def pose_lesson(run: EstimatorRun) -> Lesson:
    return train_pose.lesson(POSE["ci"], run)


LESSONS = pytest.mark.parametrize("lesson_of", [depth_lesson, pose_lesson])


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> EstimatorRun:
    """Shards of the `ci` recipe to learn from and to be judged on."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("run")
    for number in range(SHARDS):
        clips.write_shard(folder / "clips", CI, number)
    clips.write_shard(folder / "held_out", CI, 0, held_out=True)
    return EstimatorRun(folder)


def elsewhere(run: EstimatorRun, folder: Path, stop_at: int | None = None) -> EstimatorRun:
    """The same clips, another state."""
    if not (folder / "clips").exists():
        (folder / "clips").symlink_to(run.clips)
    return EstimatorRun(folder, stop_at=stop_at)


def same(left: nn.Module, right: nn.Module) -> bool:
    return all(torch.equal(a, b) for a, b in zip(left.parameters(), right.parameters(), strict=True))


@LESSONS
def test_a_few_steps_lower_the_loss_on_a_fixed_batch(
    run: EstimatorRun, tmp_path: Path, lesson_of: Callable[[EstimatorRun], Lesson]
) -> None:
    lesson = lesson_of(run)
    here = elsewhere(run, tmp_path)
    before = lesson.loss(begin(lesson, here).model, 7, "cpu")
    after = lesson.loss(train(lesson, here).model, 7, "cpu")
    assert after < before


@LESSONS
def test_a_stopped_run_goes_on_as_if_it_had_not_been_stopped(
    run: EstimatorRun, tmp_path: Path, lesson_of: Callable[[EstimatorRun], Lesson]
) -> None:
    lesson = lesson_of(run)
    (tmp_path / "twice").mkdir()
    (tmp_path / "once").mkdir()
    train(lesson, elsewhere(run, tmp_path / "twice", stop_at=3))
    resumed = train(lesson, elsewhere(run, tmp_path / "twice"))
    straight = train(lesson, elsewhere(run, tmp_path / "once"))
    assert resumed.step == straight.step == lesson.schedule.steps
    assert resumed.losses == straight.losses
    assert same(resumed.model, straight.model)
    assert all(torch.equal(a, b) for a, b in zip(resumed.average.shadow, straight.average.shadow, strict=True))


@pytest.fixture(scope="module")
def folders(run: EstimatorRun) -> tuple[Path, Path]:
    """The finished folders of the depth and the pose estimator."""
    depth_course, pose_course = depth_lesson(run), pose_lesson(run)
    return (
        write_folder(depth_course, run, train(depth_course, run), train_depth.processor(DEPTH["ci"])),
        write_folder(pose_course, run, train(pose_course, run), train_pose.processor(POSE["ci"])),
    )


def test_the_written_folders_open_in_stock_classes_as_float32(folders: tuple[Path, Path]) -> None:
    by_depth = AutoModelForDepthEstimation.from_pretrained(folders[0])
    by_pose = VitPoseForPoseEstimation.from_pretrained(folders[1])
    assert type(by_depth).__name__ == "DepthAnythingForDepthEstimation"
    assert {parameter.dtype for model in (by_depth, by_pose) for parameter in model.parameters()} == {torch.float32}
    prepared = AutoImageProcessor.from_pretrained(folders[0], backend="pil")(
        np.zeros((32, 32, 3), np.uint8), return_tensors="pt"
    )
    assert by_depth(**prepared).predicted_depth.shape == (1, 32, 32)
    assert {path.suffix for folder in folders for path in folder.iterdir()} == {".json", ".safetensors"}


def test_our_preparation_of_depth_and_pose_is_the_stock_one(folders: tuple[Path, Path], run: EstimatorRun) -> None:
    frame = np.array(clips.read_shard(run.clips, 0).frames[0, :1])
    model = AutoModelForDepthEstimation.from_pretrained(folders[0])
    pixels = torch.from_numpy(frame).permute(0, 3, 1, 2).float() / 127.5 - 1.0
    with torch.no_grad():
        expected = model(pixel_values=pixels).predicted_depth.numpy()
    assert np.allclose(depth.estimate(frame, folders[0]), expected, atol=1e-4)
    assert pose.estimate(frame, folders[1]).shape == (1, 18, 3)


def test_a_target_is_brightest_where_the_joint_lies_and_empty_for_a_hidden_one() -> None:
    joints = np.array([[3.0, 5.0, 1.0], [3.0, 5.0, 0.0], [np.nan, np.nan, 0.0]], np.float32)
    hills = train_pose.heatmaps(joints, 8, 1.5)
    assert hills[0, 5, 3] == 1.0 and hills[0].sum() > 5.0
    assert not hills[1:].any()


def test_the_depth_loss_does_not_see_scale_and_shift_apart_from_its_anchor() -> None:
    truth = torch.rand(2, 16, 16, generator=torch.Generator().manual_seed(0))
    other = torch.rand(2, 16, 16, generator=torch.Generator().manual_seed(1))
    assert torch.allclose(train_depth.invariant(3.0 * other + 2.0), train_depth.invariant(other), atol=1e-5)
    assert train_depth.depth_loss(truth, truth, DEPTH["ci"]) < 1e-6
    assert train_depth.depth_loss(other, truth, DEPTH["ci"]) > 0.5


def test_the_measure_is_perfect_for_the_truth_and_poor_for_something_else(run: EstimatorRun) -> None:
    truth = measure_estimators.HeldOut.read(run.folder / "clips", 2 * SHARDS)
    right = measure_estimators.measure_depth(5.0 * depth.nearness(truth.depth) + 1.0, truth)
    assert right["absrel_clip"] < 1e-5 and right["delta_frame"] == 1.0
    assert right["absrel_shuffled_clip"] > 0.05
    assert measure_estimators.measure_pose(truth.skeletons, truth)["pck"] == 1.0
    away = truth.skeletons + np.array([30.0, 0.0, 0.0], np.float32)
    assert measure_estimators.measure_pose(away, truth)["pck"] == 0.0


def test_one_command_measures_both_estimators(run: EstimatorRun, folders: tuple[Path, Path]) -> None:
    truth = measure_estimators.HeldOut.read(run.folder / "held_out", 1)
    estimates, seconds = measure_estimators.timed(pose.load(folders[1]).estimate, truth.frames)
    assert estimates.shape == (1, CI.num_frames, 18, 3) and seconds > 0.0
    nearness, _ = measure_estimators.timed(depth.load(folders[0]).estimate, truth.frames)
    measure_estimators.sheets(truth.frames, nearness, estimates, truth, run.folder / "sheet.png")
    assert (run.folder / "sheet.png").stat().st_size > 0
