"""The Control tab's routes: sources, what is told of them, masks that are joined, what a clip was made from."""

from __future__ import annotations

import dataclasses
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from pipelines.domain.frames import Frames
from projects_db.records import ClipRow
from studio.camera.sketches import first_sketch
from studio.media import read_frames, read_image
from studio.media.plain import png
from studio.structure import Origin, keep
from studio.studio import Studio
from studio.ui import sources

CONTROL = "/gimbal/api/control"
TARGET = {"width": 48, "height": 48, "num_frames": 5, "fps": 8}


@pytest.fixture
def film(studio: Studio) -> str:
    """A clip of 12 frames at 24 a second, 64 x 48, as a medium."""
    rows = np.arange(12, dtype=np.uint8)[:, None, None, None] * 20
    return keep(studio.library, Frames(np.broadcast_to(rows, (12, 48, 64, 3)).copy(), 24.0), "film.mp4").sha256


def test_a_brought_clip_is_kept_and_described(client: TestClient, studio: Studio, film: str) -> None:
    data = studio.library.media_path(film).read_bytes()
    told = client.post(f"{CONTROL}/sources", params={"name": "walk.mp4"}, content=data).json()
    facts = ("kind", "width", "height", "num_frames", "fps", "seconds")
    assert [told[name] for name in facts] == ["clip", 64, 48, 12, 24.0, 0.5]
    still = client.get(f"{CONTROL}/sources/{told['media']}/still")
    assert (still.status_code, still.headers["content-type"]) == (200, "image/jpeg")


@pytest.mark.parametrize(
    "data", [b"", b"#EXTM3U\nfile:///etc/passwd\n", b"ffconcat version 1.0\nfile /etc/passwd\n", b"\0" * 400]
)
def test_a_file_that_is_no_clip_is_refused_in_words(client: TestClient, data: bytes) -> None:
    answer = client.post(f"{CONTROL}/sources", params={"name": "list.mp4"}, content=data)
    assert answer.status_code == 200 and answer.json()["refused"]["message"]


def test_what_is_done_to_a_source_is_told_in_words(client: TestClient, film: str) -> None:
    told = client.post(f"{CONTROL}/report", json={"source": film, "target": TARGET}).json()
    assert "Cropped to 48 × 48 of 64 × 48." in told["steps"] and "last frame stands still" in told["warnings"][0]
    late = {"source": film, "target": TARGET, "cut": {"start_seconds": 3.0}}
    told = client.post(f"{CONTROL}/report", json=late).json()
    assert told["steps"] == [] and "Begin earlier" in told["warnings"][0]


def test_estimators_tell_why_they_cannot_be_used(client: TestClient) -> None:
    told = client.get(f"{CONTROL}/estimators").json()["estimators"]
    assert {"depth", "pose", "edges", "scribble", "flow"} <= {one["control"] for one in told if one["available"]}
    assert all(one["available"] or one["why_not"] for one in told)


def test_masks_of_several_frames_become_one_and_can_be_turned_round(client: TestClient, studio: Studio) -> None:
    left, right = np.zeros((2, 48, 48, 3), np.uint8)
    left[:, :24], right[:, 24:] = 255, 255
    media = [studio.library.add_media(png(mask), "mask.png").sha256 for mask in (left, right)]
    parts = [{"frame": frame, "media": one} for frame, one in zip((0, 4), media, strict=True)]
    for invert in (False, True):
        wish = {"wish": "join", "parts": parts, "invert": invert, "target": TARGET}
        task = client.post(f"{CONTROL}/tasks", json={"wish": wish}).json()
        white = read_frames(studio.library.media_path(task["made"]["media"])).pixels[..., 1] > 127
        assert white.shape == (5, 48, 48)
        halves = white[:, :, :24].mean(axis=(1, 2)) > 0.5
        assert (halves ^ invert).tolist() == [True, True, True, False, False]


@pytest.mark.parametrize("parts", [None, [], [3], [{"frame": 0, "media": "nothing"}]])
def test_no_mask_is_no_task(client: TestClient, parts: Any) -> None:
    answer = client.post(f"{CONTROL}/tasks", json={"wish": {"wish": "join", "parts": parts, "target": TARGET}})
    assert answer.status_code in (404, 422) and answer.json()["error"]["message"]


def brought_mask(client: TestClient, pixels: Any, film: str) -> dict[str, Any]:
    """What the studio says of a picture as a mask of the film."""
    told = client.post(f"{CONTROL}/masks", params={"name": "mask.png"}, content=pixels).json()
    body = {"media": told["media"], "source": film, "target": TARGET}
    return dict(client.post(f"{CONTROL}/masks/check", json=body).json())


def painted(width: int, height: int) -> Any:
    picture = np.zeros((height, width, 3), np.uint8)
    picture[: height // 2] = 255
    return picture


@pytest.mark.parametrize(
    ("size", "over", "says"),
    [
        ((64, 48), "source", ""),
        ((128, 96), "source", "scaled to the source's 64 × 48"),
        ((96, 96), "clip", "the new clip's shape"),
        ((90, 48), "", "another shape: 90 × 48, the source 64 × 48"),
    ],
)
def test_a_mask_of_another_size_is_told(
    client: TestClient, film: str, size: tuple[int, int], over: str, says: str
) -> None:
    told = brought_mask(client, png(painted(*size)), film)
    assert told["over"] == over and says in " ".join([*told["notes"], told["message"]])
    assert bool(told["hint"]) == (over == "")


def test_an_empty_a_white_and_a_grey_mask_are_told(client: TestClient, film: str) -> None:
    flat = [brought_mask(client, png(np.full((48, 64, 3), value, np.uint8)), film) for value in (0, 255, 140)]
    assert flat[0]["over"] == "" and "empty" in flat[0]["message"]
    assert "everything is made anew" in flat[1]["notes"][0] and "grey" in flat[2]["notes"][0]


def test_what_is_transparent_in_a_mask_is_kept_of_the_source(client: TestClient, studio: Studio) -> None:
    data = io.BytesIO()
    clear = np.zeros((48, 64, 4), np.uint8)
    clear[:, :32] = 255
    Image.fromarray(clear).save(data, "PNG")
    told = client.post(f"{CONTROL}/masks", params={"name": "mask.png"}, content=data.getvalue()).json()
    seen = read_image(studio.library.media_path(told["media"])).pixels[0, 24, :, 1]
    assert (seen[:32] == 255).all() and (seen[32:] == 0).all()


def test_a_mask_that_is_no_picture_is_refused_in_words(client: TestClient) -> None:
    answer = client.post(f"{CONTROL}/masks", params={"name": "mask.png"}, content=b"#EXTM3U\n").json()
    assert answer["refused"]["message"]


def test_the_camera_s_sketch_is_a_source_with_exact_depth(client: TestClient, studio: Studio) -> None:
    sketch = first_sketch()
    body = {"path": sketch["path"], "things": sketch["things"], "target": TARGET}
    told = client.post(f"{CONTROL}/camera", json=body).json()
    depth = read_frames(studio.library.media_path(told["depth"])).pixels
    assert depth.shape == (5, 48, 48, 3) and depth[:, -1].mean() > depth[:, 0].mean()
    origin = client.get(f"{CONTROL}/media/{told['depth']}/origin").json()
    assert (origin["origin"]["control"], origin["source"]["media"]) == ("depth", told["source"]["media"])


def test_a_control_clip_is_checked_by_its_kind(client: TestClient, studio: Studio) -> None:
    lines = np.full((5, 48, 48, 3), 255, np.uint8)
    lines[:, 20:22] = 0
    media = keep(studio.library, Frames(lines, 8.0), "lines.mp4").sha256
    told = client.post(f"{CONTROL}/check", json={"media": media, "kind": "scribble"}).json()
    assert (told["verdict"], told["fix"]) == ("fixable", "invert")
    assert client.post(f"{CONTROL}/check", json={"media": media, "kind": "smell"}).status_code == 422


def test_a_clip_of_words_alone_has_no_source(client: TestClient, clip: ClipRow) -> None:
    assert client.get(f"{CONTROL}/clips/{clip.id}/source").json() == {"source": None}


def test_a_clip_led_by_depth_is_compared_with_what_the_depth_was_read_off(
    studio: Studio, clip: ClipRow, film: str
) -> None:
    details = {"target": TARGET, "cut": {"start_seconds": 0.1}}
    origin = Origin(what="extract", control="depth", estimator="toybox-depth", source=film, details=details)
    grey = np.broadcast_to(np.linspace(0, 255, 32).astype(np.uint8)[None, :, None, None], (5, 32, 32, 3)).copy()
    depth = keep(studio.library, Frames(grey, 8.0), "depth.mp4", origin).sha256
    raw = json.loads(clip.request_json)
    raw["conditioning"] = [{"kind": "control_clip", "media": depth, "control": "depth", "strength": 1.0}]
    found = sources.source_of(studio, dataclasses.replace(clip, request_json=json.dumps(raw)))
    assert found is not None
    assert (found["wish"]["source"], found["wish"]["cut"]) == (film, {"start_seconds": 0.1})
    assert (found["wish"]["target"]["width"], found["layback"]["wish"]) == (clip.width, "layback")
    assert Path(studio.library.media_path(found["layback"]["result"])).is_file()
