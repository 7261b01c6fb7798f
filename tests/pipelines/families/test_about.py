"""gimbal.json: strict, documented, optional."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipelines.domain.errors import BrokenCheckpoint
from pipelines.families import wan
from tests.pipelines import tiny


def with_about(folder: Path, **changes: Any) -> Path:
    (folder / "gimbal.json").write_text(json.dumps({**tiny.ABOUT, **changes}))
    return folder


def test_the_card_says_what_the_file_says(tiny_folder: Path) -> None:
    card = wan.card(tiny_folder, "tiny")
    assert (card.title, card.licence, card.examples) == ("Tiny", "MIT", ("a red ball on sand",))
    assert card.settings["shift"] == 3.0 and card.settings["max_sequence_length"] == 16
    grid = card.capabilities.grid
    assert (grid.size_multiple, grid.frames_multiple, grid.sizes[0], grid.lengths[0]) == (16, 4, (64, 64), 5)
    assert (grid.min_side, grid.max_side, grid.max_pixels, grid.max_frames) == (64, 96, 96 * 64, 9)
    assert card.capabilities.vocabulary == frozenset(tiny.WORDS)


def test_without_the_file_the_published_numbers_of_wan_hold(own_folder: Path) -> None:
    (own_folder / "gimbal.json").unlink()
    card = wan.card(own_folder, "mine")
    assert card.title == "checkpoint" and not card.capabilities.vocabulary
    assert card.capabilities.grid.sizes[0] == (832, 480) and card.capabilities.grid.lengths[0] == 81
    assert (card.capabilities.steps.default, card.capabilities.guidance.default) == (50, 5)
    assert card.settings["shift"] == 16.0 and card.settings["max_sequence_length"] == 512


def test_bounds_and_words_can_be_wider_than_the_defaults(own_folder: Path) -> None:
    card = wan.card(with_about(own_folder, max_side=256, max_pixels=65536, vocabulary=["Red"]), "tiny")
    assert card.capabilities.grid.snap_size(256, 256) == (256, 256)
    assert card.capabilities.vocabulary == {"red"}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("version", 2),
        ("title", ""),
        ("title", 3),
        ("title", "x" * 81),
        ("colour", "red"),
        ("sizes", []),
        ("sizes", [[64]]),
        ("sizes", [[65, 64]]),
        ("sizes", [[64, -64]]),
        ("lengths", [6]),
        ("lengths", [True]),
        ("fps", 8),
        ("fps", {"low": 9, "high": 10, "default": 8}),
        ("steps", {"low": 1, "high": 2}),
        ("guidance", {"low": 0, "high": 2, "default": 1}),
        ("negative_prompt", "yes"),
        ("shift", 0),
        ("max_sequence_length", 1.5),
        ("conditionings", ["start_image", "smell"]),
        ("conditionings", [[]]),
        ("examples", "a ball"),
        ("vocabulary", [1]),
    ],
)
def test_what_does_not_fit_is_named(own_folder: Path, key: str, value: Any) -> None:
    with pytest.raises(BrokenCheckpoint, match=key.rstrip("s")) as caught:
        wan.card(with_about(own_folder, **{key: value}), "tiny")
    assert caught.value.hint


def test_a_file_without_a_title_is_refused(own_folder: Path) -> None:
    (own_folder / "gimbal.json").write_text('{"version": 1}')
    with pytest.raises(BrokenCheckpoint, match="title"):
        wan.card(own_folder, "tiny")
