"""The sketcher's routes: what each answers, and how each mistake is told."""

from __future__ import annotations

import base64
import io
import json
from typing import Any

import pytest
from fastapi.testclient import TestClient
from PIL import Image

from pipelines.domain.camera.formats import FORMATS
from pipelines.domain.camera.plan_text import path_from_text
from pipelines.domain.camera.text import from_dict, to_json
from projects_db.records import ClipRow
from studio.camera.sketches import first_sketch, path_of, stage_of

CAMERA = "/gimbal/api/camera"
PATH = json.loads(to_json(path_from_text("orbit left 90")))
SHAPE = {"num_frames": 9, "fps": 8, "aspect": 1.5}


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
    refused = client.post(f"{CAMERA}/import", params={"name": "x.txt"}, content=b"once upon a time")
    assert refused.status_code == 422 and refused.json()["error"]["hint"]


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


def test_a_clip_without_a_path_has_no_camera_to_measure(client: TestClient, clip: ClipRow) -> None:
    assert client.get(f"{CAMERA}/clips/{clip.id}").json() == {"camera": None}
