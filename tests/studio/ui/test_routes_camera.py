"""The sketcher's routes: what each answers, and how each mistake is told."""

from __future__ import annotations

import base64
import dataclasses
import io
import json
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from pipelines.domain.camera import pose
from pipelines.domain.camera.formats import FORMATS
from pipelines.domain.camera.plan_text import path_from_text
from pipelines.domain.camera.text import from_dict, to_json
from pipelines.domain.camera.track import CameraTrack
from projects_db.records import ClipRow
from studio.camera.sketches import first_sketch, path_of, placed, stage_of, start_of
from studio.studio import Studio
from tests.studio.library_samples import request, stored_from

CAMERA = "/gimbal/api/camera"
PATH = json.loads(to_json(path_from_text("orbit left 90")))
SHAPE = {"num_frames": 9, "fps": 8, "aspect": 1.5}


ROW = b"0 0.5 0.9 0.5 0.5 0 0 1 0 0 0 0 1 0 0 0 0 1 0\n"


def bytes_of(url: str) -> bytes:
    return base64.b64decode(url.split(",", 1)[1])


def test_words_become_keys_from_where_the_stage_says(client: TestClient) -> None:
    start = {"position": [3, -1.0, -4], "target": [3, -0.5, 0], "focal_mm": 35}
    answer = client.post(f"{CAMERA}/plan", json={"text": "truck left 1", "start": start}).json()
    path = from_dict(answer["path"])
    assert path.keys[0].position == pytest.approx((3.0, -1.0, -4.0)) and path.keys[-1].focal_mm == 35.0
    assert path.keys[-1].position[0] == pytest.approx(2.0)


def test_a_word_that_is_no_move_is_named(client: TestClient) -> None:
    refused = client.post(f"{CAMERA}/plan", json={"text": "wobble left"}).json()
    assert list(refused) == ["refused"] and "wobble" in refused["refused"]["message"]


def test_the_preview_plays_the_stage_beside_its_depth(client: TestClient) -> None:
    things = first_sketch()["things"]
    answer = client.post(f"{CAMERA}/preview", json={"path": PATH, "things": things, **SHAPE}).json()
    with Image.open(io.BytesIO(bytes_of(answer["picture"]))) as picture:
        assert (picture.n_frames, picture.size) == (9, (256, 2 * 171))  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "things", [None, [{"kind": "dragon"}], [{"kind": "ball", "x": "left", "z": 0, "colour": [1, 0, 0]}], [{}] * 33]
)
def test_a_stage_that_is_none_is_refused(client: TestClient, things: Any) -> None:
    refused = client.post(f"{CAMERA}/preview", json={"path": PATH, "things": things, **SHAPE})
    assert refused.status_code == 422 and refused.json()["error"]["message"]


def test_a_first_sketch_can_be_played() -> None:
    sketch = first_sketch()
    assert stage_of(sketch).problems(path_of(sketch)) == ()


@pytest.mark.parametrize("form", FORMATS)
def test_a_move_comes_back_from_a_file_of_each_format(client: TestClient, form: str) -> None:
    made = client.post(f"{CAMERA}/export", json={"path": PATH, "format": form, **SHAPE}).json()
    file = made["files"][0]
    answer = client.post(f"{CAMERA}/import", params={"name": file["name"]}, content=bytes_of(file["data"]))
    assert answer.status_code == 200, answer.text
    there, _ = from_dict(answer.json()["path"]).sample(2)
    wanted, _ = from_dict(PATH).sample(2)
    assert there[0, :3, 3] == pytest.approx(wanted[0, :3, 3], abs=1e-3)


def test_a_file_that_holds_no_camera_is_told(client: TestClient) -> None:
    answer = client.post(f"{CAMERA}/import", params={"name": "x.txt"}, content=b"once upon a time").json()
    assert list(answer) == ["refused"] and answer["refused"]["hint"]


def test_moves_are_saved_in_versions_and_deleted_with_a_way_back(client: TestClient, project: str) -> None:
    other = json.loads(to_json(path_from_text("pan left 30")))
    for path in (PATH, other):
        row = client.post(f"{CAMERA}/paths", json={"project": project, "name": "The reveal", "path": path}).json()
    assert row["version"] == 2

    def newest() -> list[tuple[str, int]]:
        paths = client.get(f"{CAMERA}/paths", params={"project": project}).json()["paths"]
        return [(each["name"], each["version"]) for each in paths]

    assert newest() == [("The reveal", 2)]
    every = client.get(f"{CAMERA}/paths", params={"project": project, "name": "The reveal"}).json()["paths"]
    assert [each["path"] for each in every] == [other, PATH]
    who = {"project": project, "name": "The reveal"}
    client.post(f"{CAMERA}/paths/delete", json=who)
    assert newest() == []
    client.post(f"{CAMERA}/paths/restore", json=who)
    assert newest() == [("The reveal", 2)]


def test_saved_moves_get_another_name_that_is_free(client: TestClient, project: str) -> None:
    for name in ("Rise", "Fall"):
        client.post(f"{CAMERA}/paths", json={"project": project, "name": name, "path": PATH})
    who = {"project": project, "name": "Rise"}
    assert client.post(f"{CAMERA}/paths/rename", json={**who, "new_name": "Lift off"}).status_code == 200
    names = [row["name"] for row in client.get(f"{CAMERA}/paths", params={"project": project}).json()["paths"]]
    assert {"Lift off", "Fall"} <= set(names) and "Rise" not in names
    taken = client.post(f"{CAMERA}/paths/rename", json={"project": project, "name": "Lift off", "new_name": "Fall"})
    assert taken.status_code == 400 and "Fall" in taken.json()["error"]["message"]
    assert client.post(f"{CAMERA}/paths/rename", json={**who, "new_name": "X"}).status_code == 404


def key(**changes: Any) -> dict[str, Any]:
    return {"time": 0.0, "position": [0.0, -1.2, -4.0], "target": [0.0, -0.5, 0.0], **changes}


def path_with(*keys: dict[str, Any]) -> dict[str, Any]:
    return {"version": 1, "keys": list(keys)}


BAD_PATHS = {
    "one key": (path_with(key()), "key"),
    "equal times": (path_with(key(), key(time=0.5), key(time=0.5)), "same time"),
    "no number": (path_with(key(), key(time=1.0, position=[None, 0, 0])), "number"),
    "inside the subject": (path_with(key(), key(time=1.0, position=[0.2, -0.5, 0.0])), "ball"),
    "10,000 keys": (path_with(*(key(time=i / 9999) for i in range(10_000))), "1,000"),
    "underground": (path_with(key(), key(time=1.0, position=[0.0, 1.0, -4.0])), "ground"),
    "another version": ({"version": 7, "keys": []}, "version 7"),
    "no path": (None, "object"),
}


@pytest.mark.parametrize("name", BAD_PATHS)
def test_a_path_that_cannot_be_played_is_told_in_words(client: TestClient, name: str) -> None:
    path, word = BAD_PATHS[name]
    things = first_sketch()["things"]
    refused = client.post(f"{CAMERA}/preview", json={"path": path, "things": things, **SHAPE})
    told = refused.json()["error"]
    assert refused.status_code == 422 and word in told["message"] and told["problems"][0]["field"] == "camera"


def test_a_number_that_is_none_is_no_fault_of_the_studio(client: TestClient) -> None:
    text = json.dumps({"path": path_with(key(), key(time=1.0, focal_mm=float("nan"))), "things": [], **SHAPE})
    headers = {"content-type": "application/json"}
    refused = client.post(f"{CAMERA}/preview", content=text, headers=headers)
    assert refused.status_code == 422 and refused.json()["error"]["message"]


@pytest.mark.parametrize(
    ("name", "content", "word"),
    [
        ("cut.txt", b"https://a.video\n" + ROW + ROW[:30] + b"\n", "Line 3"),
        ("turned.txt", b"https://a.video\n" + b"0 0.5 0.9 0.5 0.5 0 0 2 0 0 0 0 1 0 0 0 0 1 0\n" * 2, "rotation"),
        ("half.json", b'{"camera_path": [{"camera_to_world": [1, 0', "JSON"),
    ],
)
def test_a_camera_file_that_is_cut_or_of_another_convention_is_told(
    client: TestClient, name: str, content: bytes, word: str
) -> None:
    told = client.post(f"{CAMERA}/import", params={"name": name}, content=content).json()["refused"]
    assert word in told["message"] + told["hint"], told


def test_an_unfinished_path_of_a_picture_is_answered_in_words(client: TestClient) -> None:
    asked = {"path": path_with(key()), "picture": {"media": "0" * 64}, "num_frames": 9, "aspect": 1.0}
    answer = client.post(f"{CAMERA}/warp", json=asked).json()
    assert list(answer) == ["refused"] and "key" in answer["refused"]["message"]


def test_a_picture_that_is_none_is_told(client: TestClient) -> None:
    for picture in ({"media": "0" * 64}, {"media": 3}, None):
        refused = client.post(f"{CAMERA}/relief", json={"picture": picture, "aspect": 1.0})
        assert refused.status_code in (404, 422) and refused.json()["error"]["message"]


def test_a_clip_lends_the_path_it_was_made_with(client: TestClient, studio: Studio) -> None:
    asked = dataclasses.replace(request(90), camera=from_dict(PATH))
    clip = stored_from(studio.library, asked)
    answer = client.post(f"{CAMERA}/take/{clip.id}", json={"start": None}).json()
    assert answer == {"path": json.loads(to_json(from_dict(PATH))), "measured": False, "notes": []}


def test_a_clip_whose_camera_cannot_be_measured_says_so(client: TestClient, clip: ClipRow) -> None:
    refused = client.post(f"{CAMERA}/take/{clip.id}", json={"start": None})
    assert refused.status_code == 400 and "could not be measured" in refused.json()["error"]["message"]


def test_a_measured_move_begins_where_the_sketch_does() -> None:
    asked, _ = from_dict(PATH).sample(9)
    start = start_of({"position": [1, -1.0, -3], "target": [1, -1.0, 0]})
    away = 3.0
    unit = asked.copy()
    unit[:, :3, 3] /= 5.0  # a measurement's own unit
    track = placed(CameraTrack(camera_to_world=pose.relative_to(unit, unit[0])), start)
    assert track.camera_to_world[0, :3, 3] == pytest.approx([1, -1.0, -3])
    assert track.camera_to_world[0, :3, 2] == pytest.approx([0, 0, 1])
    travelled = np.linalg.norm(np.diff(track.camera_to_world[:, :3, 3], axis=0), axis=1).sum()
    assert travelled == pytest.approx(np.linalg.norm(np.diff(asked[:, :3, 3], axis=0), axis=1).sum() * away / 5.0)


def test_a_clip_without_a_path_has_no_camera_to_measure(client: TestClient, clip: ClipRow) -> None:
    assert client.get(f"{CAMERA}/clips/{clip.id}").json() == {"camera": None}
