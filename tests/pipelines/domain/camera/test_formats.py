from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.domain.camera import pose
from pipelines.domain.camera.formats import FORMATS, decode, encode, format_named, format_of, recognise
from pipelines.domain.camera.formats.disk import read_file, write_file
from pipelines.domain.camera.formats.files import CameraFile, Encoded
from pipelines.domain.camera.path import CameraKey, CameraPath
from pipelines.domain.camera.plan_text import path_from_text
from pipelines.domain.camera.text import to_json
from pipelines.domain.camera.track import CameraTrack, track_of
from pipelines.domain.errors import StorageError
from tests.pipelines.domain.strategies import camera_paths

DENSE = [name for name in FORMATS if name != "gimbal"]
HOLDS_LENS = {"re10k", "nerfstudio", "colmap"}
HOLDS_TIME = {"re10k", "nerfstudio", "tum", "gltf"}
ORBIT = path_from_text("orbit left 90 and zoom in 1.5")
PLAIN = path_from_text("orbit left 90")
NAMES = {"gimbal": "a.camera.json", "re10k": "a.txt", "nerfstudio": "camera_path.json", "colmap": "images.txt",
         "tum": "a.tum", "gltf": "a.gltf"}  # fmt: skip


def again(written: Encoded, form: str) -> CameraFile:
    return decode(written.data, form=form, beside=written.beside.get("cameras.txt"))


@pytest.mark.parametrize("form", DENSE)
@settings(max_examples=25)
@given(path=camera_paths(), num_frames=st.integers(2, 9))
def test_poses_come_back_from_every_format(form: str, path: CameraPath, num_frames: int) -> None:
    track = track_of(path, num_frames, fps=8.0, size=(640, 480))
    back = again(encode(track, form), form).track
    # glTF animates in 32-bit floats: 24 bits of the farthest coordinate
    exact = 1e-6 if form != "gltf" else max(1e-6, 2.0**-22 * float(np.abs(track.camera_to_world).max()))
    np.testing.assert_allclose(back.camera_to_world, track.camera_to_world, atol=exact)
    turns = back.camera_to_world[:, :3, :3]
    straight = np.broadcast_to(np.eye(3), turns.shape)
    np.testing.assert_allclose(turns @ np.swapaxes(turns, 1, 2), straight, atol=1e-9)
    np.testing.assert_allclose(np.linalg.det(turns), 1.0, atol=1e-9)
    if form in HOLDS_LENS:
        assert back.focal_mm is not None and track.focal_mm is not None
        np.testing.assert_allclose(back.focal_mm, track.focal_mm, rtol=1e-6)
    if form in HOLDS_TIME:
        assert back.seconds is not None and track.seconds is not None
        np.testing.assert_allclose(back.seconds, track.seconds, atol=1e-6)
    if form != "tum":
        assert back.aspect == pytest.approx(4 / 3)


@pytest.mark.parametrize("form", DENSE)
@settings(max_examples=15)
@given(path=camera_paths(), num_frames=st.integers(2, 5))
def test_what_does_not_come_back_was_said_when_it_was_written(form: str, path: CameraPath, num_frames: int) -> None:
    track = track_of(path, num_frames, fps=8.0, size=(640, 480))
    written = encode(track, form)
    back, said = again(written, form).track, " ".join(written.notes)
    assert track.focal_mm is not None
    kept = back.focal_mm is not None and np.allclose(back.focal_mm, track.focal_mm, rtol=1e-6)
    assert kept != ("focal length" in said)
    assert (back.seconds is not None) != ("no times" in said)
    assert "pose per frame" in " ".join(encode(path, form, num_frames=num_frames).notes)


@given(camera_paths())
def test_our_own_file_keeps_the_path_itself(path: CameraPath) -> None:
    written = encode(path, "gimbal")
    assert again(written, "gimbal").path == path and written.notes == ()


@pytest.mark.parametrize("form", FORMATS)
def test_a_file_is_known_by_its_name_and_by_what_it_holds(form: str, tmp_path: Path) -> None:
    target = tmp_path / NAMES[form]
    write_file(target, PLAIN)
    assert format_of(target.name) is format_named(form)
    assert recognise(target.read_bytes(), target.name) is format_named(form)
    read = read_file(target)
    assert read.form == form and (read.path is not None) == (form == "gimbal")
    if form not in ("gltf", "colmap"):
        assert recognise(target.read_bytes(), "upload.bin") is format_named(form)


def test_what_a_format_cannot_hold_is_said() -> None:
    said = {form: " ".join(encode(ORBIT, form).notes) for form in FORMATS}
    assert said["gimbal"] == ""
    assert "no lens" in said["tum"] and "zoom" in said["gltf"] and "no times" in said["colmap"]
    assert all("pose per frame" in said[form] for form in DENSE)
    unknown = CameraTrack(camera_to_world=track_of(PLAIN, 3).camera_to_world)
    assert "not known" in " ".join(encode(unknown, "re10k").notes)


def test_realestate10k_is_world_to_camera_with_fractions_of_the_picture() -> None:
    path = CameraPath(keys=(CameraKey(time=0, position=(1, 2, 3)), CameraKey(time=1, position=(1, 2, 5))))
    lines = encode(path, "re10k", num_frames=2, fps=4.0, size=(1600, 900)).data.decode().splitlines()
    row = [float(word) for word in lines[1].split()]
    assert len(row) == 19 and lines[2].split()[0] == "250000"
    assert row[1:7] == pytest.approx([28 / 24 * 9 / 16, 28 / 24, 0.5, 0.5, 0, 0])
    assert row[7:] == pytest.approx([1, 0, 0, -1, 0, 1, 0, -2, 0, 0, 1, -3])


def test_a_real_line_of_realestate10k_is_read() -> None:
    text = (
        "https://www.youtube.com/watch?v=x\n"
        "158692025 0.474812461 0.844111024 0.5 0.5 0 0 0.780003667 0.059620168 -0.622928321 0.726968666 -0.062449891"
        " 0.997897983 0.017311305 0.217967188 0.622651041 0.025398925 0.782087326 -1.002211444\n"
    )
    track = decode(text.encode()).track
    assert track.aspect == pytest.approx(16 / 9, rel=1e-6)
    assert track.focal_mm == pytest.approx([0.844111024 * 24])
    back = pose.inverse(track.camera_to_world)[0]
    np.testing.assert_allclose(back[:3, 3], [0.726968666, 0.217967188, -1.002211444], atol=1e-8)


def test_nerfstudio_has_opengl_cameras_in_a_world_whose_z_is_up() -> None:
    up = CameraKey(time=0, position=(0, -1, 0))  # one metre up, looking ahead
    frame = json.loads(encode(CameraPath(keys=(up, CameraKey(time=1, position=(0, -1, 1)))), "nerfstudio").data)
    matrix = np.array(frame["camera_path"][0]["camera_to_world"]).reshape(4, 4)
    np.testing.assert_allclose(matrix[:3, 3], [0, 0, 1], atol=1e-12)
    np.testing.assert_allclose(matrix[:3, 1], [0, 0, 1], atol=1e-12)  # the camera's y is up
    np.testing.assert_allclose(-matrix[:3, 2], [0, 1, 0], atol=1e-12)  # it looks along its -z
    assert frame["camera_path"][0]["fov"] == pytest.approx(2 * np.degrees(np.arctan(12 / 28)))


def test_a_file_with_opencv_axes_in_nerfstudios_form_is_noticed() -> None:
    raw = json.loads(encode(PLAIN, "nerfstudio").data)
    for frame in raw["camera_path"]:
        flipped = np.array(frame["camera_to_world"]).reshape(4, 4) @ np.diag([1, -1, -1, 1])
        frame["camera_to_world"] = flipped.ravel().tolist()
    assert "upside down" in " ".join(decode(json.dumps(raw).encode()).notes)
    assert "upside down" not in " ".join(decode(encode(PLAIN, "nerfstudio").data).notes)


def test_colmap_pictures_stand_in_the_order_of_their_names() -> None:
    lines = ["1 1 0 0 0 0 0 10 1 frame_10.png", "", "2 1 0 0 0 0 0 2 1 frame_2.png", "3.5 4.5 -1 7 8 2"]
    cameras = b"1 SIMPLE_RADIAL 640 480 560 320 240 0.1\n"
    read = decode("\n".join(lines).encode(), form="colmap", beside=cameras)
    np.testing.assert_allclose(read.track.camera_to_world[:, 2, 3], [-2, -10])
    assert read.track.focal_mm == pytest.approx([28, 28]) and read.track.size == (640, 480)
    assert "order of their names" in " ".join(read.notes) and "distorts" in " ".join(read.notes)


def test_colmap_without_its_cameras_says_that_the_lens_is_not_known(tmp_path: Path) -> None:
    write_file(tmp_path / "images.txt", PLAIN)
    assert read_file(tmp_path / "images.txt").track.focal_mm is not None
    (tmp_path / "cameras.txt").unlink()
    read = read_file(tmp_path / "images.txt")
    assert read.track.focal_mm is None and "lens is not known" in " ".join(read.notes)


def test_gltf_takes_the_parents_of_the_camera_along() -> None:
    raw = json.loads(encode(PLAIN, "gltf").data)
    raw["nodes"].append({"children": [0], "translation": [0, 5, 0], "scale": [2, 2, 2]})
    moved = decode(json.dumps(raw).encode()).track.camera_to_world
    plain = track_of(PLAIN, 17).camera_to_world
    np.testing.assert_allclose(moved[:, :3, 3], 2 * plain[:, :3, 3] + [0, -5, 0], atol=1e-5)
    np.testing.assert_allclose(moved[:, :3, :3], plain[:, :3, :3], atol=1e-6)


def test_nothing_is_left_behind_where_a_file_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(StorageError):
        write_file(tmp_path / "missing" / "a.txt", PLAIN)
    (tmp_path / "a.txt").mkdir()
    with pytest.raises(StorageError):
        write_file(tmp_path / "a.txt", PLAIN)
    with pytest.raises(StorageError):
        read_file(tmp_path / "none.txt")
    assert [file.name for file in tmp_path.iterdir()] == ["a.txt"]


def test_a_path_of_a_thousand_keys_can_be_written_and_read() -> None:
    keys = tuple(CameraKey(time=n / 999, position=(n / 10, -1, 0)) for n in range(1000))
    assert decode(to_json(CameraPath(keys=keys)).encode()).path == CameraPath(keys=keys)
