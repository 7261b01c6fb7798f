"""The window's routes: what pages read, what they change, and how each mistake is told."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

import numpy as np
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from pipelines.domain.request import GenerationRequest
from projects_db.records import ClipRow
from studio.media import read_frames, read_image
from studio.media.plain import png
from studio.settings import Settings
from studio.studio import Studio, default_request
from studio.ui.app import build
from studio.ui.exports import KEPT
from studio.ui.tabs.image import TAB
from tests.studio.library_samples import leased, produce
from tests.studio.media.samples import moving
from tests.studio.ui.conftest import BASE

BIG = moving(17, 128, 128, 8.0)


def request(studio: Studio, seed: int = 3) -> GenerationRequest:
    return default_request(studio.catalog.cards()[0]).with_seed(seed)


def test_a_page_learns_projects_models_and_formats_at_once(client: TestClient) -> None:
    start = client.get("/gimbal/api/start").json()
    assert start["projects"] and start["cards"] and len(start["formats"]) == 8
    assert all(card["examples"] for card in start["cards"])


def test_a_clip_is_served_whole_in_ranges_and_once(client: TestClient, clip: ClipRow, studio: Studio) -> None:
    data = studio.library.clip_path(clip).read_bytes()
    whole = client.get(f"/gimbal/media/clips/{clip.id}")
    assert (whole.content, whole.headers["content-type"]) == (data, "video/mp4")
    part = client.get(f"/gimbal/media/clips/{clip.id}", headers={"range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, data[10:20])
    assert part.headers["content-range"] == f"bytes 10-19/{len(data)}"
    tail = client.get(f"/gimbal/media/clips/{clip.id}", headers={"range": "bytes=-7"})
    assert tail.content == data[-7:]
    again = client.get(f"/gimbal/media/clips/{clip.id}", headers={"if-none-match": whole.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    beyond = client.get(f"/gimbal/media/clips/{clip.id}", headers={"range": f"bytes={len(data)}-"})
    assert beyond.status_code == 416


def test_the_poster_of_a_clip_is_a_webp(client: TestClient, clip: ClipRow) -> None:
    poster = client.get(f"/gimbal/media/posters/{clip.id}")
    assert poster.headers["content-type"] == "image/webp"
    assert poster.content[8:12] == b"WEBP"


@pytest.mark.parametrize(
    "path",
    [
        "api/clips/nothing",
        "api/jobs/nothing",
        "media/clips/nothing",
        "media/clips/..%2F..%2Fgimbal.sqlite3",
        "media/posters/nothing",
        "media/pictures/..%2F..%2Fgimbal.sqlite3",
        "media/exports/nothing",
    ],
)
def test_what_is_not_there_is_told_in_words(client: TestClient, path: str) -> None:
    answer = client.get(f"/gimbal/{path}")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/json"


def test_a_clip_is_found_rated_deleted_and_brought_back(client: TestClient, clip: ClipRow) -> None:
    def found(**query: object) -> list[str]:
        page = client.get("/gimbal/api/clips", params={"text": "rolls grass", **query}).json()
        return [each["id"] for each in page["clips"]]

    assert clip.id in found()
    assert clip.id not in found(rating=4)
    assert client.post(f"/gimbal/api/clips/{clip.id}/rate", json={"rating": 5}).json() == {"rating": 5}
    assert clip.id in found(rating=4)
    client.post("/gimbal/api/clips/delete", json={"ids": [clip.id]})
    assert clip.id not in found()
    client.post("/gimbal/api/clips/restore", json={"ids": [clip.id]})
    assert client.get(f"/gimbal/api/clips/{clip.id}").json()["rating"] == 5


def test_the_wall_comes_page_by_page_without_gaps(client: TestClient, studio: Studio, clip: ClipRow) -> None:
    everything = [each["id"] for each in client.get("/gimbal/api/clips", params={"limit": 500}).json()["clips"]]
    seen: list[str] = []
    cursor = ""
    while True:
        page = client.get("/gimbal/api/clips", params={"limit": 1, "cursor": cursor}).json()
        seen += [each["id"] for each in page["clips"]]
        cursor = page["cursor"]
        if not cursor:
            break
    assert seen == everything


def test_again_keeps_the_seed_and_vary_rolls_new_ones(client: TestClient, studio: Studio, project: str) -> None:
    job = studio.queue.submit(project, request(studio, 11))[0]
    leased = studio.repository.lease_next(1)
    assert leased is not None and leased.id == job.id
    made = studio.library.store(leased, produce(studio.library, leased, BIG))
    again = client.post(f"/gimbal/api/clips/{made.id}/again", json={}).json()["jobs"]
    varied = client.post(f"/gimbal/api/clips/{made.id}/again", json={"takes": 3, "vary": True}).json()["jobs"]
    asked = [json.loads(studio.repository.job(each).request_json) for each in again + varied]
    for job_id in again + varied:
        studio.queue.cancel(job_id)
    seeds = [each.pop("seed") for each in asked]
    assert seeds[0] == 11 and len(set(seeds)) == 4
    assert all(each == asked[0] for each in asked)


def test_waiting_jobs_are_moved_cancelled_and_tried_again(client: TestClient, studio: Studio, project: str) -> None:
    jobs = [row.id for row in studio.queue.submit(project, request(studio), takes=3)]

    def waiting() -> list[str]:
        return [view.id for view in studio.snapshot().waiting]

    try:
        assert waiting() == jobs
        assert client.post(f"/gimbal/api/jobs/{jobs[2]}/move", json={"before": jobs[0]}).status_code == 200
        assert waiting() == [jobs[2], jobs[0], jobs[1]]
        client.post(f"/gimbal/api/jobs/{jobs[2]}/move", json={"before": None})
        assert waiting() == jobs
        client.post(f"/gimbal/api/jobs/{jobs[1]}/cancel")
        assert waiting() == [jobs[0], jobs[2]]
        assert client.get(f"/gimbal/api/jobs/{jobs[1]}").json()["state"] == "stopped"
        assert client.post(f"/gimbal/api/jobs/{jobs[1]}/retry").json()["state"] == "queued"
        client.post("/gimbal/api/queue", json={"paused": True})
        assert studio.snapshot().paused
        client.post("/gimbal/api/queue", json={"paused": False})
        assert not studio.snapshot().paused
        assert client.get(f"/gimbal/api/jobs/{jobs[0]}/preview").status_code == 204
    finally:
        for job_id in waiting():
            studio.queue.cancel(job_id)


def test_projects_are_made_renamed_and_deleted(client: TestClient) -> None:
    made = client.post("/gimbal/api/projects", json={"name": "  Titles "}).json()
    client.post(f"/gimbal/api/projects/{made['id']}/rename", json={"name": "Credits"})
    names = {row["id"]: row["name"] for row in client.get("/gimbal/api/projects").json()}
    assert (made["name"], names[made["id"]]) == ("Titles", "Credits")
    client.post(f"/gimbal/api/projects/{made['id']}/delete")
    assert made["id"] not in {row["id"] for row in client.get("/gimbal/api/projects").json()}


def test_a_deleted_project_comes_back_with_its_clips(client: TestClient, studio: Studio) -> None:
    made = client.post("/gimbal/api/projects", json={"name": "Titles"}).json()["id"]
    job = leased(studio.library, 41, project=made)
    clip = studio.library.store(job, produce(studio.library, job)).id
    told = client.post(f"/gimbal/api/projects/{made}/delete").json()
    assert told == {"ids": [clip]} and client.get("/gimbal/api/clips", params={"project": made}).json()["clips"] == []
    client.post("/gimbal/api/clips/restore", json=told)
    assert made in {row["id"] for row in client.get("/gimbal/api/projects").json()}
    assert [row["id"] for row in client.get("/gimbal/api/clips", params={"project": made}).json()["clips"]] == [clip]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("projects", {"name": ""}),
        ("projects", {"name": "x" * 500}),
        ("projects", {}),
        ("queue", {"paused": "perhaps"}),
        ("clips/delete", {"ids": []}),
        ("clips/nothing/rate", {"rating": 6}),
        ("clips/nothing/export", {"format": "mp4", "start": "first"}),
        ("clips/nothing/export", {"format": "mp4", "path": "/etc/passwd"}),
    ],
)
def test_a_body_that_does_not_fit_is_told_field_by_field(
    client: TestClient, path: str, body: dict[str, object]
) -> None:
    answer = client.post(f"/gimbal/api/{path}", json=body)
    assert answer.status_code == 422
    assert answer.json()["error"]["problems"]


def test_a_dropped_clip_of_gimbal_brings_its_request(client: TestClient, studio: Studio, clip: ClipRow) -> None:
    data = studio.library.clip_path(clip).read_bytes()
    found = client.post("/gimbal/api/drop", params={"name": "../../x.mp4"}, content=data).json()
    assert (found["kind"], found["clip_id"], found["missing_model"]) == ("gimbal", clip.id, None)
    assert GenerationRequest.from_json(found["request"]).to_json() == clip.request_json


def test_a_dropped_picture_is_told_to_be_one_and_can_be_kept(client: TestClient, picture: Path) -> None:
    found = client.post("/gimbal/api/drop", params={"name": picture.name}, content=picture.read_bytes()).json()
    assert (found["kind"], found["width"], found["height"]) == ("image", 48, 32)
    kept = client.post("/gimbal/api/pictures", params={"name": picture.name}, content=picture.read_bytes()).json()
    shown = client.get(f"/gimbal/media/pictures/{kept['media']}")
    assert (shown.headers["content-type"], shown.content) == ("image/png", picture.read_bytes())


def test_a_frame_of_a_clip_becomes_a_picture_to_the_pixel(client: TestClient, studio: Studio, clip: ClipRow) -> None:
    kept = client.post(f"/gimbal/api/clips/{clip.id}/frame", json={"frame": 3}).json()
    shown = read_image(studio.library.media_path(kept["media"])).pixels[0]
    assert (shown == read_frames(studio.library.clip_path(clip)).pixels[3]).all()
    assert (kept["width"], kept["height"]) == (clip.width, clip.height)


def test_a_clip_can_be_kept_as_a_source_and_is_known_again(client: TestClient, clip: ClipRow) -> None:
    kept = client.post(f"/gimbal/api/clips/{clip.id}/source").json()
    assert kept["media"] == clip.file_sha256
    facts = client.get(f"/gimbal/api/media/{kept['media']}").json()
    assert (facts["clip"], facts["num_frames"]) == (clip.id, clip.num_frames)
    assert client.get(f"/gimbal/media/pictures/{kept['media']}").headers["content-type"] == "video/mp4"


def test_what_the_frame_shows_is_what_is_sent(studio: Studio) -> None:
    picture = np.zeros((40, 80, 3), np.uint8)
    picture[:, 30:] = (250, 10, 10)
    source = {"media": studio.library.add_media(png(picture), "half.png").sha256, "mode": "crop", "x": 0.75}
    values = {"tab": "image", "size": [32, 32], "pictures": {"start": source, "keys": [source | {"frame": 4}]}}
    sent = TAB.prepared(values, studio)["pictures"]
    shown = read_image(studio.library.media_path(sent["start"]["media"])).pixels[0]
    assert shown.shape == (32, 32, 3) and (shown == (250, 10, 10)).all()
    assert sent["keys"][0]["frame"] == 4 and values["pictures"]["start"] is source
    again = TAB.prepared(values | {"pictures": {"start": {"media": sent["start"]["media"]}}}, studio)["pictures"]
    assert again["start"]["media"] == sent["start"]["media"]


@pytest.mark.parametrize("data", [b"", b"no film at all", b"\x00\x00\x00\x18ftypmp42" + b"\0" * 40])
def test_a_dropped_file_that_is_no_picture_and_no_clip_is_told_in_words(client: TestClient, data: bytes) -> None:
    found = client.post("/gimbal/api/drop", params={"name": "x.mp4"}, content=data).json()
    assert (found["kind"], found["name"]) == ("other", "x.mp4")
    assert found["message"] and found["hint"]
    refused = client.post("/gimbal/api/pictures", params={"name": "x.png"}, content=data)
    assert refused.status_code == 415 and refused.json()["error"]["message"]


def export(client: TestClient, clip: ClipRow, **wish: object) -> dict[str, object]:
    """Export, and wait for what came of it as a page does: through the notes of the stream."""
    export_id = client.post(f"/gimbal/api/clips/{clip.id}/export", json=wish).json()["id"]
    feed = client.app.state.feed  # type: ignore[attr-defined]
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        view: dict[str, object] = feed.notes["exports"][export_id]
        if view["url"] or view["error"]:
            return view
        time.sleep(0.02)
    raise TimeoutError(export_id)


def test_an_export_is_downloaded_under_a_readable_name(client: TestClient, clip: ClipRow) -> None:
    done = export(client, clip, format="gif", scale=2, loop="boomerang")
    file = client.get(str(done["url"]))
    assert file.content[:6] == b"GIF89a"
    assert 'filename="a-red-ball-rolls-on-grass-1.gif"' in file.headers["content-disposition"]


def test_an_export_that_cannot_be_made_says_why(client: TestClient, clip: ClipRow) -> None:
    for wish in ({"format": "mp4", "start": 90}, {"format": "tape"}, {"format": "mp4", "scale": 1000}):
        error = export(client, clip, **wish)["error"]
        assert isinstance(error, dict) and error["message"] and error["problems"]


def test_only_the_latest_exports_are_kept(client: TestClient, clip: ClipRow) -> None:
    first = export(client, clip, format="gif")
    for _ in range(KEPT):
        export(client, clip, format="gif", end=1)
    assert client.get(str(first["url"])).status_code == 404


def test_a_studio_without_any_model_still_opens_its_window(tmp_path: Path) -> None:
    (tmp_path / "assets").mkdir()
    settings = Settings.read({}, home=tmp_path / "home", assets=tmp_path / "assets")

    async def built() -> FastAPI:
        return build(empty, "x")

    with Studio(settings, worker=False) as empty, TestClient(asyncio.run(built()), base_url=BASE) as client:
        assert client.get("/").status_code == 200
        assert client.get("/gimbal/api/start").json()["cards"] == []
