"""What mixtures draw, what they never draw, and scenes as data."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.toybox.render import render
from pipelines.toybox.sampling import (
    FIRST_LIGHT,
    FULL,
    Mixture,
    held_out_combinations,
    is_held_out,
    sample_held_out,
    sample_scene,
)
from pipelines.toybox.scene import COLOURS, GROUNDS, SHAPES, Scene


@pytest.mark.parametrize("mixture", [FIRST_LIGHT, FULL])
def test_training_mixtures_never_draw_a_held_out_combination(mixture: Mixture) -> None:
    rng = np.random.default_rng(0)
    held = held_out_combinations()
    for _ in range(1500):
        scene = sample_scene(rng, mixture)
        assert not any((item.colour, item.shape, scene.ground) in held for item in scene.objects)


def test_held_out_scenes_are_held_out_and_within_the_mixture() -> None:
    rng = np.random.default_rng(1)
    for _ in range(50):
        scene = sample_held_out(rng)
        assert is_held_out(scene)
        assert scene.objects[0].shape in FIRST_LIGHT.shapes


def test_held_out_combinations_are_few_and_leave_every_name_trainable() -> None:
    held = held_out_combinations()
    assert 0.04 < len(held) / (len(COLOURS) * len(SHAPES) * len(GROUNDS)) < 0.12
    assert ("red", "ball", "grass") not in held
    for colour in COLOURS:
        assert sum(colour == triple[0] for triple in held) < len(SHAPES) * len(GROUNDS) / 2


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**20))
def test_a_scene_survives_json(seed: int) -> None:
    scene = sample_scene(np.random.default_rng(seed), FULL)
    assert Scene.from_json(scene.to_json()) == scene


def test_the_generator_decides_the_scene() -> None:
    assert sample_scene(np.random.default_rng(7), FULL) == sample_scene(np.random.default_rng(7), FULL)


def test_first_light_draws_one_plain_object_and_all_its_camera_moves() -> None:
    rng = np.random.default_rng(2)
    scenes = [sample_scene(rng) for _ in range(400)]
    assert all(len(scene.objects) == 1 and scene.objects[0].pattern == "plain" for scene in scenes)
    assert all(scene.figure is None for scene in scenes)
    assert {scene.camera.kind for scene in scenes} == set(FIRST_LIGHT.moves)
    assert 0.6 < np.mean([scene.objects[0].motion == "still" for scene in scenes]) < 0.9


def test_first_light_objects_are_large_and_in_the_frame_for_most_of_the_clip() -> None:
    rng = np.random.default_rng(3)
    clip = render([sample_scene(rng) for _ in range(24)], num_frames=5, width=48, height=48)
    mask = clip.instances == 2
    seen = mask.flatten(2).sum(2) > 40
    assert seen[:, 2].all()
    assert seen.float().mean() > 0.9
    heights = mask[:, 2].any(dim=2).sum(dim=1).to(torch.float32) / 48
    assert heights.min() > 0.2 and heights.max() < 0.6
