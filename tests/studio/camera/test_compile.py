"""A path on its way to a model: as depth where the model takes it, as words where it does not."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from pipelines.conditioning.previz import Stage, StandIn
from pipelines.domain.camera.plan_text import path_from_text
from pipelines.domain.capabilities import Capabilities, FrameGrid, Range
from pipelines.domain.conditioning import ControlClip
from pipelines.domain.errors import InvalidRequest
from pipelines.domain.request import GenerationRequest
from studio.camera.compile import compiled, told
from studio.camera.words import words_for
from studio.library import Library
from studio.media import read_frames
from tests.studio.library_samples import open_library

ONE = Range(low=1, high=50, default=4)
GRID = FrameGrid(
    size_multiple=16, min_side=64, max_side=256, max_pixels=256 * 256, sizes=((96, 64),), frames_multiple=4,
    lengths=(9,), max_frames=17, fps=ONE,
)  # fmt: skip
WORDS_ONLY = Capabilities(grid=GRID, steps=ONE, guidance=ONE)
TAKES_DEPTH = dataclasses.replace(WORDS_ONLY, conditionings=frozenset({ControlClip.kind}))
REQUEST = GenerationRequest(
    model="m", prompt="a red ball on sand.", seed=1, width=96, height=64, num_frames=9, fps=8, steps=4, guidance=3
)
ORBIT = path_from_text("orbit left 90")


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return open_library(tmp_path)


def test_a_model_with_control_clips_gets_the_depth_of_the_stage_along_the_path(library: Library) -> None:
    ready = compiled(REQUEST, ORBIT, Stage(), TAKES_DEPTH, library)
    (part,) = ready.conditioning
    assert isinstance(part, ControlClip) and part.control == "depth"
    assert ready.camera == ORBIT and ready.prompt == REQUEST.prompt
    frames = read_frames(library.media_path(part.media))
    assert (len(frames), frames.width, frames.height) == (9, 96, 64)
    assert frames.pixels[:, 0].max() < 10 < 150 < frames.pixels[:, -1].min()  # the sky is far, the ground is near
    other = compiled(REQUEST, path_from_text("orbit right 90"), Stage(), TAKES_DEPTH, library).conditioning[0]
    assert np.abs(read_frames(library.media_path(other.media)).pixels[4].astype(int) - frames.pixels[4]).max() < 10
    empty = compiled(REQUEST, ORBIT, Stage(stand_ins=()), TAKES_DEPTH, library).conditioning[0]
    assert np.abs(read_frames(library.media_path(empty.media)).pixels[4].astype(int) - frames.pixels[4]).max() > 50


def test_a_model_without_control_clips_gets_words_and_the_loss_is_told(library: Library) -> None:
    ready = compiled(REQUEST, ORBIT, Stage(), WORDS_ONLY, library)
    assert ready.prompt == "a red ball on sand, the camera orbits left"
    assert ready.conditioning == () and ready.camera == ORBIT
    assert "lost" in told("words").lost
    spoken = dataclasses.replace(REQUEST, prompt="a red ball, the camera pans left")
    assert compiled(spoken, ORBIT, Stage(), WORDS_ONLY, library).prompt == spoken.prompt


@pytest.mark.parametrize("camera", ["poses", "moves"])
def test_a_model_with_a_camera_of_its_own_gets_the_path_itself(library: Library, camera: str) -> None:
    able = dataclasses.replace(WORDS_ONLY, cameras=frozenset({camera}))
    assert compiled(REQUEST, ORBIT, Stage(), able, library) == dataclasses.replace(REQUEST, camera=ORBIT)


def test_depth_is_not_given_to_a_model_that_follows_skeletons(library: Library) -> None:
    skeletons = dataclasses.replace(TAKES_DEPTH, controls=frozenset({"pose"}))
    assert compiled(REQUEST, ORBIT, Stage(), skeletons, library).conditioning == ()


def test_a_model_without_words_or_camera_refuses_a_path(library: Library) -> None:
    with pytest.raises(InvalidRequest, match="neither words nor a camera"):
        compiled(REQUEST, ORBIT, Stage(), dataclasses.replace(WORDS_ONLY, prompt=False), library)


def test_a_path_through_a_thing_is_refused_with_its_name(library: Library) -> None:
    blocked = Stage(stand_ins=(StandIn(kind="pillar", x=0.0, z=-3.0),))
    with pytest.raises(InvalidRequest) as told_error:
        compiled(REQUEST, path_from_text("dolly in 2"), blocked, TAKES_DEPTH, library)
    assert "pillar" in told_error.value.message and {p.field for p in told_error.value.problems} == {"camera"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("static", "static camera"),
        ("pan left 30", "the camera pans left"),
        ("pan right 30", "the camera pans right"),
        ("tilt up 20", "the camera tilts up"),
        ("truck right 1", "the camera trucks right"),
        ("dolly in 2", "the camera pushes in"),
        ("pull-out 1.5", "the camera pulls out"),
        ("zoom in 1.5", "the camera zooms in"),
        ("orbit right 60", "the camera orbits right"),
        ("crane up 1", "the camera cranes up"),
    ],
)
def test_each_plain_move_has_its_words(text: str, words: str) -> None:
    assert words_for(path_from_text(text)) == words


def test_two_moves_at_once_are_both_named() -> None:
    assert words_for(path_from_text("orbit left 90 and zoom in 2")) == "the camera orbits left and zooms in"
