"""What became of a path: measured in a clip whose camera is known exactly, and kept with the clip's facts."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from pipelines.domain.camera.plan_text import path_from_text
from studio.camera.obtained import measured_against
from studio.media.encode import encode_video, frame_rate
from studio.media.master import MASTER
from tests.studio.library_samples import open_library, stored


def test_a_blank_clip_says_why_its_camera_could_not_be_measured(tmp_path: Path) -> None:
    file = tmp_path / "blank.mp4"
    encode_video(file, np.full((9, 64, 96, 3), 90, np.uint8), frame_rate(8.0), MASTER, {})
    found = measured_against(file, path_from_text("orbit left 90"), (96, 64), 9)
    assert list(found) == ["problem"] and "blank" in found["problem"]


def test_facts_learnt_later_are_kept_beside_those_of_the_run(tmp_path: Path) -> None:
    library = open_library(tmp_path)
    clip = stored(library, 1)
    before = json.loads(clip.facts_json or "{}")
    library.repository.tell_of_clip(clip.id, {"camera": {"problem": "blank"}})
    assert json.loads(library.repository.clip(clip.id).facts_json) == {**before, "camera": {"problem": "blank"}}
