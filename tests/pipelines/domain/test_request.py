"""Laws of the request and its text."""

from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.domain.adapters import AdapterUse
from pipelines.domain.camera.path import CameraKey, CameraPath
from pipelines.domain.camera.problems import MAX_KEYS, problems
from pipelines.domain.errors import InvalidRequest
from pipelines.domain.request import MAX_JSON_CHARS, GenerationRequest
from tests.pipelines.domain.strategies import requests

PLAIN = GenerationRequest(
    model="toybox", prompt="a red ball", seed=7, width=128, height=128, num_frames=17, fps=8, steps=20, guidance=3
)


@given(requests())
def test_a_request_read_back_from_its_text_is_the_same_request(request: GenerationRequest) -> None:
    text = request.to_json()
    assert GenerationRequest.from_json(text) == request
    assert GenerationRequest.from_json(text).to_json() == text


@given(requests())
def test_equal_requests_have_equal_text_and_hash(request: GenerationRequest) -> None:
    again = GenerationRequest.from_json(request.to_json())
    assert hash(again) == hash(request)


@given(requests())
def test_media_are_named_once_each_in_order(request: GenerationRequest) -> None:
    assert list(request.media) == list(dict.fromkeys(part.media for part in request.conditioning))


@given(st.text(max_size=200))
def test_any_other_text_is_refused_with_a_reason(text: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        GenerationRequest.from_json(text)
    assert caught.value.problems[0].message


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"frames": 3}, "frames"),
        ({"width": "128"}, "width"),
        ({"width": True}, "width"),
        ({"width": 128.0}, "width"),
        ({"fps": "fast"}, "fps"),
        ({"prompt": None}, "prompt"),
        ({"version": 2}, "version"),
        ({"conditioning": {}}, "conditioning"),
        ({"conditioning": [{"kind": "start_image"}]}, "media"),
        ({"conditioning": [{"kind": "start_image", "media": "../x"}]}, "conditioning"),
        ({"conditioning": [{"kind": "spell", "media": "a" * 64}]}, "conditioning"),
        ({"conditioning": [{"kind": "start_image", "media": "a" * 64, "extra": 1}]}, "extra"),
        ({"conditioning": [{"kind": "control_clip", "media": "a" * 64, "control": "smell"}]}, "control"),
    ],
)
def test_unknown_and_mistyped_fields_are_refused_by_name(change: dict[str, object], field: str) -> None:
    raw = {**json.loads(PLAIN.to_json()), **change}
    with pytest.raises(InvalidRequest) as caught:
        GenerationRequest.from_json(json.dumps(raw))
    assert caught.value.problems[0].field == field
    assert caught.value.hint


@pytest.mark.parametrize("name", ["model", "prompt", "seed", "width", "fps"])
def test_a_missing_field_is_refused_by_name(name: str) -> None:
    raw = json.loads(PLAIN.to_json())
    del raw[name]
    with pytest.raises(InvalidRequest) as caught:
        GenerationRequest.from_json(json.dumps(raw))
    assert caught.value.problems[0].field == name


@pytest.mark.parametrize(
    "text", ["[" * 100_000, " " * (MAX_JSON_CHARS + 1), '{"fps": NaN, "version": 1}', "[]", "null", "1e999"]
)
def test_hostile_text_is_refused_quickly(text: str) -> None:
    with pytest.raises(InvalidRequest):
        GenerationRequest.from_json(text)


def test_an_infinite_number_does_not_become_a_request() -> None:
    with pytest.raises(InvalidRequest):
        GenerationRequest.from_json(PLAIN.to_json().replace('"guidance": 3.0', '"guidance": 1e999'))


def test_another_seed_changes_only_the_seed() -> None:
    other = PLAIN.with_seed(8)
    assert other.seed == 8
    assert other.with_seed(7) == PLAIN


def test_a_request_without_a_camera_keeps_the_text_it_had_before_there_were_cameras() -> None:
    assert "camera" not in json.loads(PLAIN.to_json())
    assert GenerationRequest.from_json(PLAIN.to_json()).camera is None


def test_a_damaged_camera_path_is_refused_by_name() -> None:
    for camera in (None, [], {"version": 2, "keys": []}, {"version": 1, "keys": [], "shutter": 180}):
        raw = {**json.loads(PLAIN.to_json()), "camera": camera}
        with pytest.raises(InvalidRequest) as caught:
            GenerationRequest.from_json(json.dumps(raw))
        assert caught.value.problems[0].field == "camera"


def test_the_longest_camera_path_fits_into_a_request() -> None:
    third = (1 / 3, -2 / 3, 1 / 7)
    keys = [
        CameraKey(time=n / 999, position=third, target=(0.1, 0.2, n / 7), focal_mm=100 / 3) for n in range(MAX_KEYS)
    ]
    request = dataclasses.replace(PLAIN, camera=CameraPath(keys=tuple(keys)))
    assert problems(request.camera) == ()
    assert GenerationRequest.from_json(request.to_json()) == request


def test_a_request_without_lora_and_draft_reads_as_it_did_before_there_were_such() -> None:
    text = PLAIN.to_json()
    assert "adapters" not in text and "draft" not in text
    assert GenerationRequest.from_json(text) == PLAIN


def test_lora_and_draft_come_back_from_the_text() -> None:
    uses = (AdapterUse(digest="a" * 64, name="fog", strength=0.5), AdapterUse(digest="b" * 64, strength=-1))
    changed = dataclasses.replace(PLAIN, adapters=uses, draft=True, shortcut="deep")
    assert GenerationRequest.from_json(changed.to_json()) == changed


@pytest.mark.parametrize(
    "fields",
    [
        {"draft": 1},
        {"draft": "yes"},
        {"shortcut": "magic"},
        {"adapters": {}},
        {"adapters": [{"digest": "a" * 64, "strength": "strong"}]},
        {"adapters": [{"digest": "a" * 64, "path": "/etc/passwd"}]},
        {"adapters": ["a" * 64]},
    ],
)
def test_lora_and_draft_of_a_wrong_kind_are_refused(fields: dict[str, object]) -> None:
    with pytest.raises(InvalidRequest):
        GenerationRequest.from_json(json.dumps({**json.loads(PLAIN.to_json()), **fields}))
