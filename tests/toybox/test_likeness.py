"""The encoder of likeness, the table of places and the subjects of the benchmark."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from pipelines.personalize import dataset
from pipelines.personalize.places import Places, read_places
from pipelines.toybox import likeness
from pipelines.toybox.bench.subjects import PROMPTS, SUBJECTS, obeyed, others, pictures, scenes
from pipelines.toybox.captions import WORDS
from pipelines.toybox.judge import HEADS
from pipelines.toybox.places import table
from pipelines.toybox.render import render
from pipelines.toybox.sampling import EVERYDAY

pytestmark = pytest.mark.toybox


def test_the_subjects_are_outside_the_everyday_mixture_and_the_prompts_inside_its_words() -> None:
    for subject in SUBJECTS:
        assert subject.pattern not in EVERYDAY.patterns or subject.colour not in EVERYDAY.colours
        assert subject.class_word in WORDS
        assert len({scene.ground for scene in scenes(subject, 6, 0)}) == 6
    for prompt in PROMPTS:
        assert set(prompt.text.format("a").replace(",", " ").split()) <= WORDS
        assert all(value in HEADS[name] for name, value in prompt.facts.items())
    near = others(SUBJECTS[0], 12)
    assert SUBJECTS[0] not in near and {other.shape for other in near} == {"ball"}
    for half in (near[::2], near[1::2]):
        assert {(other.colour == "purple", other.pattern) for other in half} == {
            (False, "plain"), (True, "plain"), (False, "checkered"),
        }  # fmt: skip
    right = [dict(prompt.facts) for prompt in PROMPTS]
    assert obeyed(right, PROMPTS) == 1.0
    assert obeyed([{**right[0], "sky": "night"}], PROMPTS[:1]) == pytest.approx(2 / 3)


def test_an_encoder_learns_to_tell_things_apart_and_comes_back_from_its_file(tmp_path: Path) -> None:
    seen = likeness.pictures(48, seed=1)
    encoder = likeness.train(seen, steps=60, batch=24)
    told = likeness.accuracy(encoder, likeness.prepare(seen.frames), seen.facts)
    assert told["colour"] > 0.4  # of 12 colours, after a second of training
    likeness.save(encoder, tmp_path)
    clips = np.repeat(pictures(SUBJECTS[0], 2)[:, None], 3, axis=1)
    kept, again = likeness.describe(encoder, clips), likeness.describe(likeness.load(tmp_path), clips)
    assert torch.allclose(kept, again, atol=1e-5) and kept.shape == (2, likeness.FEATURES)
    assert likeness.threshold([0.9, 0.8, 0.7], [0.1, 0.2, 0.6]) == pytest.approx(0.65)
    assert likeness.threshold([0.9, 0.8, 0.3], [0.1, 0.2, 0.6]) == pytest.approx(0.5)


def test_pictures_of_the_world_are_told_where_they_were_taken(tmp_path: Path) -> None:
    made = table(each=3)
    known = Places(tuple(made["words"]), np.array(made["features"]), np.maximum(np.array(made["scatter"]), 1.0))  # type: ignore[arg-type]
    shown = pictures(SUBJECTS[0], 6)
    told = [known.at(picture, dataset.find(picture).mask) for picture in shown]
    wanted = scenes(SUBJECTS[0], 6, 11)
    right = sum(
        scene.ground in words or (scene.ground == "wood" and "wooden" in words)
        for scene, words in zip(wanted, told, strict=True)
    )
    assert right >= 5
    noise = np.random.default_rng(0).integers(0, 255, (128, 128, 3), dtype=np.uint8)
    assert known.at(noise, np.zeros((128, 128), bool)) == ""
    assert read_places(tmp_path / "none.json") is None


def test_the_subject_is_found_in_pictures_in_which_a_sun_or_a_moon_stands_out_as_much() -> None:
    overlaps = []
    for subject in SUBJECTS:
        made = render(scenes(subject, 6, 11), num_frames=1)
        for frame, things in zip(made.frames[:, 0].numpy(), made.instances[:, 0].numpy(), strict=True):
            found = dataset.find(frame).mask
            true = cv2.resize((things >= 2).astype(np.uint8), found.shape[::-1]) > 0
            overlaps.append((found & true).sum() / (found | true).sum())
    assert np.mean(overlaps) > 0.6
