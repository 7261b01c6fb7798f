"""Pictures shown again with a moving camera, and how alike the subject of clips is to that of pictures."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from pipelines.families.family import ModelCard
from pipelines.personalize.captions import MOVES, STILL
from pipelines.personalize.examples import Example
from pipelines.personalize.judging import Checkpoint, best
from pipelines.personalize.moving import with_moves
from pipelines.personalize.resembling import Look
from pipelines.personalize.settings import Settings
from tests.pipelines.personalize.test_dataset import scene

SETTINGS = Settings(width=64, height=64, num_frames=9)


def test_pictures_are_shown_again_with_the_moves_that_a_small_model_knows(base: ModelCard) -> None:
    able = base.capabilities
    words = frozenset(" ".join((STILL, *MOVES)).split())
    small = dataclasses.replace(able, vocabulary=words)
    still = [Example(scene(n, side=128)[None], f"a <my-ball> ball, {STILL}") for n in range(5)]
    clip = Example(np.repeat(still[0].frames, 9, axis=0), "a <my-ball> ball rolling")
    shown = with_moves([*still, clip], small, SETTINGS)
    assert shown[:6] == [*still, clip]
    moves = [MOVES[(n + more) % 4] for n in range(5) for more in (0, 1)]
    assert [example.caption for example in shown[6:]] == [f"a <my-ball> ball, {move}" for move in moves]
    pushed, pulled = shown[6].frames.astype(int), shown[9].frames.astype(int)
    assert pushed.shape == (9, 64, 64, 3)
    red = [(frames[..., 0] > 150) & (frames[..., 1] < 90) for frames in (pushed, pulled)]
    assert red[0][-1].sum() > 2 * red[0][0].sum() and red[1][0].sum() > 2 * red[1][-1].sum()
    assert with_moves(still, dataclasses.replace(able, vocabulary=frozenset({"static"})), SETTINGS) == still
    assert with_moves(still, dataclasses.replace(able, vocabulary=frozenset()), SETTINGS) == still


def test_no_picture_is_lifted_before_its_frames_are_asked_for(base: ModelCard) -> None:
    """A training that goes on has the latents of them all: `nothing` cannot be lifted, and need not be."""
    able = dataclasses.replace(base.capabilities, vocabulary=frozenset(" ".join((STILL, *MOVES)).split()))
    nothing = Example(np.zeros((1, 0, 0, 3), np.uint8), f"a <my-ball> ball, {STILL}")
    still, *moving = with_moves([nothing], able, SETTINGS)
    assert [still.caption, *(shown.caption for shown in moving)] == [
        f"a <my-ball> ball, {move}" for move in (STILL, *MOVES[:2])
    ]
    with pytest.raises(ZeroDivisionError):
        moving[0].frames  # noqa: B018 - making them is what is looked at


def test_clips_of_the_subject_are_more_like_its_pictures_than_those_of_another_thing() -> None:
    look = Look([Example(scene(n)[None], "") for n in range(4)])
    own = np.repeat(scene(9)[None], 5, axis=0)
    other = np.repeat(scene(9, colour=(20, 60, 200))[None], 5, axis=0)
    assert look.likeness([own]) > 0.6 > 0.4 > look.likeness([other])


def test_what_the_samples_show_counts_for_more_than_the_loss() -> None:
    first = Checkpoint(step=0, digest="a", held_out=0.36, drift=0.0, alike=0.1)
    early = Checkpoint(step=120, digest="b", held_out=0.37, drift=0.05, alike=0.4)
    assert best([first, early, dataclasses.replace(early, step=240, held_out=0.4, alike=0.5)]) == 240
    assert best([first, early, dataclasses.replace(early, step=240, drift=0.6, alike=0.5)]) == 120
    assert best([first, early, dataclasses.replace(early, step=240, alike=0.38)]) == 240, "the later of near ones"
    assert best([first, early, dataclasses.replace(early, step=240, alike=0.3)]) == 120
