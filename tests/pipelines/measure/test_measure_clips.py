"""The measurement on pictures: rendered clips with exact truth, and clips that cannot be measured."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pipelines.domain.camera.compare import compare
from pipelines.domain.camera.formats.disk import read_file, write_file
from pipelines.domain.camera.track import CameraTrack
from pipelines.measure.measure import measure
from pipelines.measure.measured import Measured, as_track
from pipelines.toybox.render import render
from pipelines.toybox.scene import CameraMove, Scene, SceneObject
from studio.cli import main
from studio.media.encode import MP4_TAGS, VideoCodec, encode_video, frame_rate

Pixels = NDArray[np.uint8]


def filmed(kind: str, amount: float) -> tuple[Pixels, CameraTrack, float]:
    """Nine frames of a checkered cube on tiles, the camera's truth and its focal length in pixels."""
    scene = Scene(
        ground="tiles",
        sky="overcast",
        objects=(SceneObject(shape="cube", colour="red", pattern="checkered", yaw_radians=0.4),),
        camera=CameraMove(kind=kind, amount=amount),
    )
    clip = render([scene], num_frames=9)
    truth = CameraTrack(camera_to_world=clip.camera_to_world[0].double().numpy(), size=(128, 128))
    return clip.frames[0].numpy(), truth, float(clip.intrinsics[0, 0, 0, 0])


def write_clip(path: Path, frames: Pixels) -> None:
    codec = VideoCodec(
        encoder="libx264",
        container="mp4",
        pixel_format="yuv420p",
        options={"crf": "8", "preset": "veryfast"},
        threads=1,
        container_options=MP4_TAGS,
    )
    encode_video(path, list(frames), frame_rate(8.0), codec, {})


def against(truth: CameraTrack, found: Measured) -> tuple[float, float | None]:
    assert found.problem == ""
    result = compare(truth, as_track(found, (128, 128)))
    return result.mean_rotation_degrees, result.direction_to_end_degrees


def test_a_truck_past_a_cube_is_measured_from_its_pictures() -> None:
    frames, truth, focal = filmed("truck left", 1.2)
    found = measure(frames, focal)
    rotation, direction = against(truth, found)
    assert found.method == "moving"
    assert rotation < 1.0 and direction is not None and direction < 10.0


def test_a_pan_is_measured_from_its_pictures() -> None:
    frames, truth, focal = filmed("pan left", 0.3)
    assert against(truth, measure(frames, focal))[0] < 1.0


def test_a_still_clip_has_one_pose_for_all_frames() -> None:
    frames, _, focal = filmed("static", 0.0)
    found = measure(frames, focal)
    assert found.method == "static" and np.array_equal(found.camera_to_world, np.tile(np.eye(4), (9, 1, 1)))


def noise(seed: int) -> Pixels:
    """A picture (40, 60, 3) of blurred specks."""
    coarse = np.random.default_rng(seed).integers(0, 255, (10, 15, 3), dtype=np.uint8)
    return np.kron(coarse, np.ones((4, 4, 1), np.uint8))


@pytest.mark.parametrize(
    ("frames", "reason"),
    [
        (noise(0)[None], "at least two frames"),
        (np.zeros((5, 40, 60, 3), np.uint8), "blank"),
        (np.stack([noise(0), noise(0), noise(1), noise(1)]), "jumps between frames 1 and 2"),
        (np.full((4, 1, 1, 3), 7, np.uint8), "blank"),
        (np.random.default_rng(0).integers(0, 255, (6, 40, 60, 3), dtype=np.uint8), "jumps|too few|too little"),
    ],
)
def test_what_cannot_be_measured_is_said_with_its_reason(frames: Pixels, reason: str) -> None:
    found = measure(frames)
    assert (
        re.search(reason, found.problem, re.IGNORECASE) and found.method == "none" and len(found.camera_to_world) == 0
    )


def test_a_black_frame_is_passed_over() -> None:
    frames = np.repeat(noise(3)[None], 6, axis=0)
    frames[2] = 0
    found = measure(frames, 60.0)
    assert found.method == "static" and found.status[2] == "between" and len(found.camera_to_world) == 6


def test_a_thousand_frames_are_thinned_out() -> None:
    frames = np.repeat(noise(4)[None], 1000, axis=0)
    found = measure(frames, 60.0)
    assert len(found.camera_to_world) == 1000
    assert 2 <= found.status.count("measured") <= 240


def test_frames_of_another_kind_are_refused() -> None:
    with pytest.raises(ValueError, match="uint8"):
        measure(np.zeros((3, 8, 8), np.uint8))


def answer(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    told: dict[str, object] = json.loads(capsys.readouterr().out.splitlines()[-1])
    return told


def test_the_command_compares_a_clip_with_a_camera_file_and_writes_the_path(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frames, truth, focal = filmed("truck left", 1.2)
    clip, asked, taken = tmp_path / "truck.mp4", tmp_path / "truck.txt", tmp_path / "taken.json"
    write_clip(clip, frames)
    write_file(asked, truth, size=(128, 128))
    arguments = ["camera", "measure", str(clip), "--against", str(asked), "--focal", f"{focal}", "-o", str(taken)]
    assert main([*arguments, "--json"]) == 0
    told = answer(capsys)
    assert told["could_not_be_measured"] is False and told["method"] == "moving"
    per_frame = told["rotation_error_degrees_per_frame"]
    assert isinstance(per_frame, list) and len(per_frame) == 9
    assert told["rotation_error_degrees"] == pytest.approx(np.mean(per_frame), abs=1e-3)
    path = read_file(taken).path
    assert path is not None and 2 <= len(path.keys) <= 9


def test_the_command_says_why_a_clip_cannot_be_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip = tmp_path / "black.mp4"
    write_clip(clip, np.zeros((5, 64, 64, 3), np.uint8))
    assert main(["camera", "measure", str(clip), "--json"]) == 1
    told = answer(capsys)
    assert told["could_not_be_measured"] is True and "blank" in str(told["reason"])


def test_a_camera_file_of_another_length_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip, asked = tmp_path / "still.mp4", tmp_path / "still.txt"
    write_clip(clip, np.repeat(noise(5)[None], 4, axis=0))
    write_file(asked, CameraTrack(camera_to_world=np.tile(np.eye(4), (6, 1, 1))))
    assert main(["camera", "measure", str(clip), "--against", str(asked)]) == 1
    assert "6 poses, the clip 4 frames" in capsys.readouterr().err


def test_a_folder_becomes_a_table_that_one_bad_clip_does_not_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    poses = CameraTrack(camera_to_world=np.tile(np.eye(4), (4, 1, 1)), focal_mm=np.full(4, 28.0), aspect=1.5)
    for name, count in (("short", 3), ("still", 4)):
        write_clip(tmp_path / f"{name}.mp4", np.repeat(noise(6)[None], count, axis=0))
        write_file(tmp_path / f"{name}.txt", poses)
    (tmp_path / "torn.mp4").write_bytes(b"no clip")
    write_file(tmp_path / "torn.txt", poses)
    page = tmp_path / "page.md"
    assert main(["camera", "measure", str(tmp_path), "-o", str(page), "--json"]) == 0
    clips = answer(capsys)["clips"]
    assert isinstance(clips, list) and [clip["ok"] for clip in clips] == [False, True, False]
    assert "4 poses, the clip 3 frames" in clips[0]["reason"] and clips[1]["method"] == "static"
    text = page.read_text(encoding="utf-8")
    assert text.count("| still | static |") == 2 and "Machine: " in text and "## Lens unknown" in text
