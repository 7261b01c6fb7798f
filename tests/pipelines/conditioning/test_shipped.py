"""The shipped estimators on new renders, whose truth is exact; what they reach in full stands in their README."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoImageProcessor, AutoModelForDepthEstimation, VitPoseForPoseEstimation

from pipelines.conditioning import depth, estimators, pose
from pipelines.conditioning.choosing import chosen
from pipelines.conditioning.extractors import every
from pipelines.conditioning.pose_hits import hits
from pipelines.models.catalog import Catalog
from pipelines.toybox.measure_estimators import depth_errors
from pipelines.toybox.render import Rendered, render
from pipelines.toybox.sampling import MIXTURES, sample_held_out
from pipelines.toybox.scene import Scene

ASSETS = Path(__file__).parents[3] / "assets"
LARGEST_BYTES = 2_200_000


def scenes(with_figure: bool, count: int) -> list[Scene]:
    drawn: list[Scene] = []
    seed = 0
    while len(drawn) < count:
        scene = sample_held_out(np.random.default_rng([77, seed]), MIXTURES["everyday"])
        drawn += [scene] if (scene.figure is not None) == with_figure else []
        seed += 1
    return drawn


def rendered(with_figure: bool) -> list[Rendered]:
    return [render([scene], num_frames=2, width=128, height=128) for scene in scenes(with_figure, 6)]


@pytest.fixture(scope="module")
def peopled() -> list[Rendered]:
    torch.set_num_threads(1)
    return rendered(True)


@pytest.fixture(scope="module")
def empty() -> list[Rendered]:
    return rendered(False)


def test_stock_classes_open_the_shipped_folders() -> None:
    by_depth = AutoModelForDepthEstimation.from_pretrained(estimators.SHIPPED["depth"])
    by_pose = VitPoseForPoseEstimation.from_pretrained(estimators.SHIPPED["pose"])
    processor = AutoImageProcessor.from_pretrained(estimators.SHIPPED["depth"], backend="pil")
    with torch.no_grad():
        answer = by_depth(**processor(np.zeros((128, 128, 3), np.uint8), return_tensors="pt"))
    assert answer.predicted_depth.ndim == 3
    assert by_pose.config.num_labels == 17


def test_the_shipped_folders_are_small_and_hold_nothing_that_runs() -> None:
    for folder in estimators.SHIPPED.values():
        files = list(folder.iterdir())
        assert {file.suffix for file in files} == {".json", ".safetensors", ".md"}
        assert sum(file.stat().st_size for file in files) < LARGEST_BYTES


def test_the_catalog_of_models_passes_the_estimators_over() -> None:
    catalog = Catalog(ASSETS)
    assert not {"toybox-depth", "toybox-pose"} & {card.id for card in catalog.cards()}
    assert catalog.broken == ()


def test_depth_of_new_scenes_is_right(peopled: list[Rendered], empty: list[Rendered]) -> None:
    model = depth.load()
    errors = [
        depth_errors(model.estimate(clip.frames[0].numpy()), clip.depth[0].numpy().astype(np.float32)).absrel
        for clip in (*peopled, *empty)
    ]
    assert float(np.nanmean(errors)) < 0.2


def test_joints_of_new_scenes_are_found(peopled: list[Rendered]) -> None:
    model = pose.load()
    counts = [hits(model.estimate(clip.frames[0].numpy()), clip.skeletons[0].numpy()) for clip in peopled]
    right, total = np.sum(counts, axis=0)
    assert total > 100 and right / total > 0.6


def test_where_there_is_nobody_no_skeleton_is_drawn(empty: list[Rendered]) -> None:
    found = [pose.estimate(clip.frames[0].numpy()) for clip in empty]
    assert np.mean([skeletons[..., 2].max() < pose.CONFIDENT for skeletons in found]) >= 0.5


def test_a_plain_picture_has_no_person() -> None:
    grey = np.full((1, 128, 128, 3), 127, np.uint8)
    skeletons = pose.estimate(grey)
    assert not pose.draw(skeletons, 128, 128).any()


def test_of_several_people_one_is_read_and_that_is_told(peopled: list[Rendered]) -> None:
    crowd = np.concatenate([each.frames[0].numpy() for each in peopled[:2]], axis=2)
    made = chosen("pose", "toybox-pose", every()).extract(crowd, (256, 128), {}, lambda fraction: None)
    assert made.joints is not None and made.joints.shape == (2, 1, 18, 3)
    assert any("One person is followed" in note for note in made.notes)
