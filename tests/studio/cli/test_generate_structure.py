"""generate --depth, --edges, --source, --mask: structure from files, without a window."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image

from pipelines.conditioning.people import BODY_NAMES
from studio.media import read_frames
from tests.studio.cli.conftest import Made
from tests.studio.structure.samples import HEIGHT, WIDTH, clip_file, rolling, where

PROMPT = "a red ball on sand"


def test_structure_steers_inside_a_mask_and_the_rest_of_the_source_stays(made: Made, tmp_path: Path) -> None:
    source, whole = clip_file(tmp_path), tmp_path / "whole.mp4"
    Image.fromarray(where(1).astype(np.uint8) * np.uint8(255)).save(tmp_path / "mask.png")
    answer = made.gimbal(
        "generate", PROMPT, "--edges", "source", "--flow", source, "--strength", "flow=0.5", "--estimator",
        "edges=lineart", "--source", source, "--mask", tmp_path / "mask.png", "--size", "96x64", "--steps", 1,
        "--lay-back", whole, "--json",
    )  # fmt: skip
    assert answer.code == 0, answer.err
    parts = answer.json["request"]["conditioning"]
    assert [part["kind"] for part in parts] == ["control_clip", "control_clip", "source_clip", "mask_clip"]
    assert [(part["control"], part["strength"]) for part in parts[:2]] == [("edges", 1.0), ("flow", 0.5)]
    assert answer.json["structure"][1]["estimator"] == "dis-flow"
    assert "lineart" in answer.json["facts"]["structure"] and "flow by dis-flow" in answer.json["facts"]["structure"]
    result = read_frames(Path(answer.json["path"])).pixels.astype(int)
    picks = [0, 2, 3, 5, 6]  # of 12 frames a second, at 8
    assert np.abs(result[:, :8] - rolling()[picks][:, :8]).mean() < 4.0
    laid = read_frames(whole).pixels.astype(int)
    assert laid.shape == (12, HEIGHT, WIDTH, 3) and np.abs(laid[9:] - rolling()[9:]).mean() < 4.0


def test_a_control_clip_in_another_convention_is_told_and_mended(made: Made, tmp_path: Path) -> None:
    ramp = np.linspace(250, 5, 64).astype(np.uint8)
    near_dark = np.broadcast_to(ramp[None, :, None, None], (12, 64, 64, 3))
    clip = clip_file(tmp_path, np.ascontiguousarray(near_dark), 8.0)
    answer = made.gimbal("generate", PROMPT, "--depth", clip, "--fix", "--strength", "depth=9", "--json")
    assert "used as it is" in answer.err and "near is dark" in answer.err and "mended (invert)" in answer.err
    (problem,) = answer.json["error"]["problems"]
    assert answer.code == 1 and problem["field"] == "control_clip" and "outside 0 to 2" in problem["message"]


def test_what_makes_no_sense_is_refused_before_any_work(made: Made, tmp_path: Path) -> None:
    answer = made.gimbal("generate", PROMPT, "--mask", "subject", "--json")
    assert answer.code == 1 and answer.json["error"]["problems"][0]["field"] == "source_clip"
    playlist = tmp_path / "list.mp4"
    playlist.write_text("#EXTM3U\nhttp://example.org/a.ts\n")
    answer = made.gimbal("generate", PROMPT, "--depth", playlist, "--json")
    assert answer.code == 1 and answer.json["error"]["kind"] == "MediaError"


def test_poses_in_a_file_are_drawn_and_written_by_name(made: Made, tmp_path: Path) -> None:
    joints = {name: [0.5, 0.1 + 0.04 * place] for place, name in enumerate(BODY_NAMES)}
    hand = {"left_hand_wrist": [0.6, 0.5], "left_hand_thumb_1": [0.7, 0.5]}
    poses = {"people": [[{"frame": 0, "joints": {**joints, **hand}}]]}
    (tmp_path / "poses.json").write_text(json.dumps(poses))
    command = ("generate", PROMPT, "--pose", tmp_path / "poses.json", "--joints", tmp_path / "again.json", "--steps", 1)
    answer = made.gimbal(*command, "--json")
    assert answer.code == 0, answer.err
    (person,) = json.loads((tmp_path / "again.json").read_text())["people"]
    assert len(person) == 5 and person[4]["joints"].keys() == {*joints, *hand}
    assert np.allclose(person[4]["joints"]["left_hand_thumb_1"], (0.7, 0.5), atol=0.01)
    (tmp_path / "poses.json").write_text('{"people": [[{"frame": 0, "joints": {"tail": [0, 0]}}]]}')
    answer = made.gimbal(*command, "--json")
    assert answer.code == 1 and "no joint is called 'tail'" in answer.json["error"]["problems"][0]["message"]
