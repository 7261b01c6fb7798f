"""The Subject tab's routes: pictures, trainings that wait, subjects that come and go as files. No worker runs here."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image
from safetensors.numpy import save_file

from pipelines.domain.frames import Frames
from pipelines.personalize.files import EMBEDDINGS, Card, digest_of, metadata_of
from pipelines.personalize.fingerprint import fingerprint
from studio.snapshot import QUEUED
from studio.structure import keep
from studio.studio import Studio
from studio.subjects.placing import place

API = "/gimbal/api/subjects"
MODEL = "toybox"


def picture(seed: int) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 255, (8, 8, 3), dtype=np.uint8).repeat(16, 0).repeat(16, 1)
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "PNG")
    return data.getvalue()


@pytest.fixture
def pictures(client: TestClient) -> list[str]:
    brought = [client.post(f"{API}/pictures", params={"name": f"{n}.png"}, content=picture(n)) for n in range(4)]
    assert {answer.json()["kind"] for answer in brought} == {"image"}
    return [answer.json()["media"] for answer in brought]


@pytest.fixture(autouse=True)
def emptied(studio: Studio) -> Iterator[None]:
    yield
    for subject in studio.subjects.list():
        studio.repository.delete_subject(subject.id)
    for job in studio.repository.list_jobs(QUEUED, 100):
        studio.queue.cancel(job.id)


def wish(pictures: list[str], **changes: Any) -> dict[str, Any]:
    shown = [{"media": media, "caption": "a <my-ball> ball"} for media in pictures]
    asked = {"token": "my-ball", "name": "Ball", "class_word": "ball", "model": MODEL, "pictures": shown}
    return {**asked, "settings": {"method": "lora", "steps": 4, "every": 2, "rank": 2, "alpha": 2}, **changes}


def trained(studio: Studio, token: str = "<my-ball>") -> str:
    """A subject with files, as a training would have left it; the id of its version."""
    card = studio.catalog.card(MODEL)
    staged = studio.home.incoming / "media-made"
    staged.mkdir(parents=True, exist_ok=True)
    about = metadata_of(Card(token=token, class_word="ball", name="Ball", method="token", base=fingerprint(card)))
    width = 128
    save_file({"rows": np.ones((2, width), np.float32)}, staged / EMBEDDINGS, about)
    digest = digest_of(staged)
    place(staged, studio.home.subjects / digest)
    row = studio.repository.add_subject(token, "Ball", "ball")
    version = studio.repository.add_subject_version(
        row.id, model=card.id, base=fingerprint(card), method="token", spec_json="{}", digest=digest
    )
    return version.id


def test_pictures_are_looked_at_and_their_frames_can_be_given(client: TestClient, pictures: list[str]) -> None:
    box = {"left": 0.25, "top": 0.25, "width": 0.5, "height": 0.5}
    asked = {"media": pictures[:2], "class_word": "ball", "model": MODEL, "boxes": {pictures[1]: box}}
    seen = client.post(f"{API}/look", json=asked).json()
    assert [one["media"] for one in seen["pictures"]] == pictures[:2] and seen["pictures"][1]["box"] == box
    assert seen["pictures"][0]["caption"].startswith("a <my-subject> ball")
    assert not seen["usable"] and "too few" in seen["problems"][0]


def test_a_clip_is_shown_by_the_frame_that_is_looked_at(client: TestClient, studio: Studio) -> None:
    frames = np.zeros((9, 64, 64, 3), np.uint8)
    frames[4] = (250, 40, 40)
    clip = keep(studio.library, Frames(frames, 8.0), "ball.mp4").sha256
    face = client.get(f"/gimbal/media/subjects/pictures/{clip}")
    assert face.headers["content-type"] == "image/jpeg"
    red = np.asarray(Image.open(io.BytesIO(face.content)))[..., 0]
    assert red.mean() > 200


def test_a_file_that_is_no_picture_is_told_by_its_own_name(client: TestClient) -> None:
    told = client.post(f"{API}/pictures", params={"name": "notes.png"}, content=b"hello").json()
    assert "notes.png" in told["refused"]["message"]


@pytest.mark.parametrize("box", [{"left": -1, "top": 0, "width": 1, "height": 1}, {"left": 0.1}, 3])
def test_a_frame_outside_the_picture_is_refused(client: TestClient, pictures: list[str], box: Any) -> None:
    answer = client.post(f"{API}/look", json={"media": pictures, "boxes": {pictures[0]: box}})
    assert answer.status_code == 422 and answer.json()["error"]["message"]


def test_a_training_is_a_job_of_the_queue_and_can_be_asked_for_again(
    client: TestClient, studio: Studio, pictures: list[str]
) -> None:
    made = client.post(API, json=wish(pictures)).json()
    assert studio.repository.job(made["job"]).task == "train_subject"
    (view,) = client.get(API).json()["subjects"]
    version = view["versions"][0]
    assert (view["token"], view["cover"], version["state"]) == ("<my-ball>", pictures[0], "queued")
    assert client.get(f"{API}/versions/{made['version']}").json()["state"] == "queued"
    told = client.get(f"{API}/versions/{made['version']}/wish").json()
    assert [one["media"] for one in told["pictures"]] == pictures and told["settings"]["rank"] == 2
    again = client.post(API, json=wish(pictures, token="<my-ball>", subject_id=made["subject"])).json()
    assert again["subject"] == made["subject"] and again["version"] != made["version"]


def test_what_is_wrong_with_a_wish_is_told_by_its_controls(
    client: TestClient, studio: Studio, pictures: list[str]
) -> None:
    def fields(given: list[str] = pictures, **changes: Any) -> set[str]:
        told = client.post(API, json=wish(given, **changes)).json()["refused"]
        return {problem["field"] for problem in told["problems"]}

    assert fields(token="ball") == {"token"}
    assert fields([], class_word="") == {"class_word", "pictures"}
    assert fields(settings={"rank": "large", "size": 3}) == {"settings"}
    assert studio.subjects.list() == ()
    told = client.post(f"{API}/token", json={"token": "My Dog!", "model": MODEL}).json()
    assert told["refused"]["problems"][0]["field"] == "token"
    assert client.post(f"{API}/token", json={"token": "my-dog", "model": MODEL}).json() == {"token": "<my-dog>"}
    assert client.post(API, json=wish(["none"])).status_code == 422


def test_presets_and_own_settings_have_a_cost(client: TestClient) -> None:
    offers = client.get(f"{API}/offers", params={"model": MODEL}).json()
    assert {one["method"] for one in offers["methods"]} == {"token", "lora", "both", "reference"}
    quick = next(one for one in offers["presets"] if (one["preset"], one["method"]) == ("quick", "both"))
    asked = {"model": MODEL, "settings": quick["settings"] | {"steps": 2 * quick["settings"]["steps"]}}
    assert client.post(f"{API}/estimate", json=asked).json()["seconds"] > quick["seconds"] > 0
    asked["settings"] |= {"steps": -1}
    assert "steps" in client.post(f"{API}/estimate", json=asked).json()["refused"]["message"]


def test_pictures_alone_are_a_subject_at_once(client: TestClient, pictures: list[str]) -> None:
    made = client.post(API, json=wish(pictures, settings={"method": "reference"})).json()
    assert made["job"] is None
    (view,) = client.get(API).json()["subjects"]
    assert view["versions"][0]["state"] == "ready"


def test_a_subject_is_named_anew_deleted_and_brought_back(client: TestClient, studio: Studio) -> None:
    subject = studio.repository.subject_version(trained(studio)).subject_id
    told = client.post(f"{API}/{subject}/change", json={"name": "Old ball", "strength": 0.7}).json()
    assert (told["name"], told["strength"]) == ("Old ball", 0.7)
    assert client.post(f"{API}/{subject}/change", json={"strength": 9}).status_code == 422
    client.post(f"{API}/{subject}/delete")
    assert client.get(API).json()["subjects"] == []
    client.post(f"{API}/{subject}/restore")
    assert [one["id"] for one in client.get(API).json()["subjects"]] == [subject]


def test_tokens_are_completed_and_compared(client: TestClient, studio: Studio, project: str) -> None:
    trained(studio)
    (one,) = client.get(f"{API}/complete", params={"prefix": "<my", "model": MODEL}).json()["tokens"]
    assert (one["token"], one["fits"]) == ("<my-ball>", True)
    values = {"tab": "text", "model": MODEL, "prompt": "a <my-ball> ball", "size": [128, 128], "num_frames": 17}
    values |= {"fps": 8, "steps": 4, "guidance": 3}
    asked = {"project": project, "token": "<my-ball>", "values": values, "strengths": [0, 1]}
    jobs = client.post(f"{API}/compare", json=asked).json()["jobs"]
    told = [client.get(f"/gimbal/api/jobs/{job}").json()["request"] for job in jobs]
    assert [one["subjects"][0]["strength"] for one in told] == [0, 1] and told[0]["seed"] == told[1]["seed"]
    refused = client.post(f"{API}/compare", json={**asked, "token": "<other>"}).json()["refused"]
    assert refused["problems"][0]["field"] == "prompt"


def test_a_subject_leaves_as_a_zip_and_comes_back_from_its_files(
    client: TestClient, studio: Studio, tmp_path: Path
) -> None:
    version = trained(studio)
    answer = client.get(f"{API}/versions/{version}/export")
    assert "my-ball-v1" in answer.headers["content-disposition"]
    with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
        (name,) = packed.namelist()
        data = packed.read(name)
    brought = {"files": (name, data)}
    taken = client.post(f"{API}/import", files=brought, data={"model": MODEL}).json()
    assert taken["refused"]["problems"][0]["field"] == "token"
    made = client.post(f"{API}/import", files=brought, data={"model": MODEL, "token": "<second-ball>"}).json()
    assert (made["token"], made["versions"][0]["state"]) == ("<second-ball>", "ready")


@pytest.mark.parametrize("name", ["evil.pt", "../../evil.safetensors", ""])
def test_a_pickle_is_never_opened(client: TestClient, name: str) -> None:
    data = b"\x80\x04cos\nsystem\n(S'true'\ntR."
    answer = client.post(f"{API}/import", files={"files": (name, data)}, data={"model": MODEL, "token": "<evil>"})
    told = answer.json()
    assert (told.get("refused") or told["error"])["message"] and client.get(API).json()["subjects"] == []


def test_what_is_not_there_is_told(client: TestClient, studio: Studio) -> None:
    version = trained(studio)
    assert client.get(f"{API}/versions/none").status_code == 404
    assert client.get(f"/gimbal/media/subjects/{version}/0/sample-0.webp").status_code == 404
    assert client.post(f"{API}/versions/{version}/choose", json={"step": 3}).status_code == 404
    assert client.get(f"{API}/versions/{version}/wish").json() == {}
