"""The caption grammar: its vocabulary, and that it says what the scene shows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.toybox import captions
from pipelines.toybox.captions import WORDS, attributes, caption
from pipelines.toybox.sampling import FIRST_LIGHT, FULL, Mixture, sample_scene
from pipelines.toybox.scene import COLOURS

SEEDS = st.integers(0, 2**24)


def says(text: str, phrases: tuple[str, ...]) -> bool:
    return any(phrase in text for phrase in phrases)


@settings(max_examples=150, deadline=None)
@given(SEEDS, st.sampled_from((FIRST_LIGHT, FULL)))
def test_every_word_of_a_caption_is_in_the_vocabulary(seed: int, mixture: Mixture) -> None:
    rng = np.random.default_rng(seed)
    text = caption(sample_scene(rng, mixture), rng)
    assert text == text.lower().strip()
    assert "  " not in text and " ," not in text
    assert set(text.replace(",", "").split()) <= WORDS


@settings(max_examples=150, deadline=None)
@given(SEEDS)
def test_a_first_light_caption_is_short_and_names_every_attribute(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scene = sample_scene(rng)
    text = caption(scene, rng)
    facts = attributes(scene)
    assert len(text.replace(",", " ,").split()) <= 24
    assert says(text, captions.SHAPE_WORDS[facts["shape"]])
    assert says(text, captions.COLOUR_WORDS.get(facts["colour"], (facts["colour"],)))
    assert says(text, captions.GROUND_PHRASES[facts["ground"]])
    assert says(text, captions.SKY_PHRASES[facts["sky"]])
    assert says(text, captions.MOVE_PHRASES[facts["camera"]])
    assert facts["motion"] == "still" or says(text, captions.MOTION_PHRASES[facts["motion"]])


@settings(max_examples=150, deadline=None)
@given(SEEDS)
def test_a_full_caption_names_camera_relation_and_figure(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scene = sample_scene(rng, FULL)
    text, facts = caption(scene, rng), attributes(scene)
    assert says(text, captions.MOVE_PHRASES[facts["camera"]])
    assert all(says(text, captions.SHAPE_WORDS[item.shape]) for item in scene.objects)
    if scene.relation != "alone":
        assert says(text, captions.RELATION_PHRASES[scene.relation])
    if scene.figure is not None:
        assert says(text, captions.ACTION_PHRASES[scene.figure.action])
        assert "shirt" in text and "trousers" in text


def test_one_scene_is_told_in_several_ways() -> None:
    rng = np.random.default_rng(0)
    scene = sample_scene(rng)
    assert len({caption(scene, rng) for _ in range(40)}) > 8


def test_captions_use_articles_that_can_be_read_aloud() -> None:
    rng = np.random.default_rng(5)
    for _ in range(400):
        text = caption(sample_scene(rng, FULL), rng)
        assert not any(f" a {vowel}" in f" {text}" for vowel in "aeio"), text


def test_the_vocabulary_is_small() -> None:
    assert len(WORDS) < 200
    assert {"red", "ball", "grass", "sunset", "pans", "left"} <= WORDS
    assert all(word.isalpha() and word.islower() for word in WORDS)


def test_colour_words_belong_to_things_alone() -> None:
    place = [*captions.GROUND_PHRASES.values(), *captions.SKY_PHRASES.values(), *captions.MOVE_PHRASES.values()]
    words = {word for options in place for phrase in options for word in phrase.split()}
    assert not words & (set(COLOURS) | {"grey", "turquoise"})


@pytest.mark.parametrize("table", ["MOVE_PHRASES", "MOTION_PHRASES", "SHAPE_WORDS", "GROUND_PHRASES", "SKY_PHRASES"])
def test_no_phrase_means_two_things(table: str) -> None:
    phrases = [phrase for options in getattr(captions, table).values() for phrase in options if phrase]
    assert len(phrases) == len(set(phrases))
