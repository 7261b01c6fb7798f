"""`launch.py camera show` and `convert`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipelines.domain.camera.formats import FORMATS
from pipelines.domain.camera.formats.disk import read_file, write_file
from pipelines.domain.camera.plan_text import path_from_text
from studio.cli import main
from tests.studio.cli.conftest import Made

NAMES = {"gimbal": "b.json", "re10k": "b.txt", "nerfstudio": "camera_path.json", "colmap": "images.txt",
         "tum": "b.tum", "gltf": "b.gltf"}  # fmt: skip
ORBIT = "orbit left 90 and zoom in 1.5"


def told(capsys: pytest.CaptureFixture[str], code: int, *arguments: object) -> Any:
    assert main([*map(str, arguments), "--json"]) == code
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def test_words_are_shown_as_what_the_camera_does(capsys: pytest.CaptureFixture[str]) -> None:
    answer = told(capsys, 0, "camera", "show", ORBIT, "--frames", 33)
    assert answer["frames"] == 33 == len(answer["camera_to_world"])
    assert answer["degrees"] == pytest.approx(90, abs=0.5) and answer["focal_mm_last"] == pytest.approx(42)
    assert len(answer["path"]["keys"]) == 5
    assert main(["camera", "show", ORBIT]) == 0
    assert "at 0.00 -0.70 0.00" in capsys.readouterr().out


@pytest.mark.parametrize("form", FORMATS)
def test_a_path_is_converted_to_every_format_and_back(
    form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    there, back = tmp_path / NAMES[form], tmp_path / "back.camera.json"
    answer = told(capsys, 0, "camera", "convert", ORBIT, there, "--frames", 9)
    assert bool(answer["lost"]) == (form != "gimbal")
    told(capsys, 0, "camera", "convert", there, back)
    path = read_file(back).path
    assert path is not None
    wanted, _ = path_from_text(ORBIT).sample(9)
    np.testing.assert_allclose(path.sample(9)[0], wanted, atol=1e-6)
    assert told(capsys, 0, "camera", "show", back)["format"] == "gimbal"


def test_many_poses_become_few_keys_where_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_file(tmp_path / "a.txt", path_from_text("truck left 2"), num_frames=81)
    told(capsys, 0, "camera", "convert", tmp_path / "a.txt", tmp_path / "few.json", "--simplify")
    path = read_file(tmp_path / "few.json").path
    assert path is not None and len(path.keys) == 2


def test_what_is_wrong_is_told_and_nothing_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "cut.txt").write_text("url\n0 0.5 0.9 0.5\n")
    for source, words in (
        ("fish", "fish"),
        (tmp_path / "none.txt", "cannot be read"),
        (tmp_path / "cut.txt", "no camera file"),
    ):
        answer = told(capsys, 1, "camera", "convert", source, tmp_path / "b.tum")
        assert words in answer["error"]["message"] and answer["error"]["hint"]
    assert "Line 2" in told(capsys, 1, "camera", "show", tmp_path / "cut.txt", "--from", "re10k")["error"]["message"]
    assert "format" in told(capsys, 1, "camera", "convert", ORBIT, tmp_path / "b.xyz")["error"]["message"]
    assert not list(tmp_path.glob("b.*"))


@pytest.mark.parametrize(
    "arguments",
    [["camera"], ["camera", "show"], ["camera", "show", ORBIT, "--frames", "1"],
     ["camera", "convert", ORBIT, "b.txt", "--size", "17"], ["camera", "convert", ORBIT, "b.txt", "--fps", "x"]],
)  # fmt: skip
def test_wrong_usage_ends_with_code_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, 2, *arguments)["error"]["kind"] == "Usage"


def test_a_clip_without_a_camera_path_is_told_as_that(made: Made, capsys: pytest.CaptureFixture[str]) -> None:
    assert "without a camera path" in told(capsys, 1, "camera", "show", made.path)["error"]["message"]
