"""What would spoil a clip is told before anything is generated."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from pipelines.conditioning.estimators import SHIPPED
from pipelines.domain.conditioning import Conditioning, ControlClip, MaskClip, SourceClip
from pipelines.domain.frames import Frames
from studio.home import prepare
from studio.library import Library
from studio.structure import check, choices, estimator_folders, keep, looks_like_control, problems
from tests.studio.library_samples import request
from tests.studio.structure.samples import clip_file, rolling


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    opened, _ = Library.open(prepare(tmp_path / "home").root)
    yield opened
    opened.repository.close()


def stored(library: Library, frames: np.ndarray) -> str:
    return keep(library, Frames(frames, 8.0), "given.mp4").sha256


def found(library: Library, *parts: Conditioning) -> list[str]:
    asked = dataclasses.replace(request(1), num_frames=5, fps=8.0, conditioning=parts)
    return [problem.message for problem in problems(library, asked)]


def test_a_source_with_its_mask_is_fine(library: Library) -> None:
    source, white = stored(library, rolling(5)), np.zeros_like(rolling(5))
    white[:, 10:30] = 255
    assert found(library, SourceClip(media=source), MaskClip(media=stored(library, white))) == []


def test_an_empty_mask_and_one_of_another_shape_are_told(library: Library) -> None:
    source = SourceClip(media=stored(library, rolling(5)))
    (empty,) = found(library, source, MaskClip(media=stored(library, np.zeros_like(rolling(5)))))
    assert "empty" in empty
    (shape,) = found(library, source, MaskClip(media=stored(library, np.full((5, 64, 64, 3), 255, np.uint8))))
    assert "another shape" in shape


def test_a_control_clip_that_is_too_short_or_holds_nothing_is_told(library: Library) -> None:
    ramp = np.broadcast_to(np.linspace(0, 255, 64).astype(np.uint8)[None, :, None, None], (3, 64, 64, 3))
    (short,) = found(library, ControlClip(media=stored(library, ramp), control="depth"))
    assert "3 frames at 8 a second, but 5 are needed" in short
    (nobody,) = found(library, ControlClip(media=stored(library, np.zeros((5, 64, 64, 3), np.uint8)), control="pose"))
    assert "holds no skeleton" in nobody


def test_files_are_judged_by_a_few_small_frames(tmp_path: Path) -> None:
    large = clip_file(tmp_path, np.repeat(rolling(1, 640, 480), 30, axis=0))
    assert not looks_like_control(large, "depth") and check(large, "pose").verdict == "wrong"


def test_a_persons_own_estimators_are_offered(tmp_path: Path) -> None:
    home = prepare(tmp_path)
    copy = home.root / "estimators" / "my-depth"
    shutil.copytree(SHIPPED["depth"], copy)
    offered = {choice.id: choice for choice in choices(estimator_folders(home))}
    assert offered["my-depth"].control == "depth" and offered["my-depth"].available
    assert offered["dis-grabcut"].control == "mask" and offered["dis-grabcut"].available
