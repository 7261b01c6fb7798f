from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given

from pipelines.domain.camera.path import CameraKey, CameraPath
from pipelines.domain.camera.problems import MAX_KEYS
from pipelines.domain.camera.text import MAX_JSON_CHARS, from_json, to_dict, to_json
from pipelines.domain.errors import InvalidRequest
from tests.pipelines.domain.strategies import camera_paths

PLAIN = CameraPath(keys=(CameraKey(time=0, position=(0, -1, -4)), CameraKey(time=1, position=(1, -1, -4))))


@given(camera_paths())
def test_a_path_comes_back_from_its_text(path: CameraPath) -> None:
    assert from_json(to_json(path)) == path
    assert to_json(from_json(to_json(path))) == to_json(path)


def test_whole_numbers_and_fractions_have_one_text() -> None:
    assert to_json(CameraPath(keys=(CameraKey(time=0, position=(0, 1, 2)),))) == to_json(
        CameraPath(keys=(CameraKey(time=0.0, position=(0.0, 1.0, 2.0)),))
    )


def test_an_unfinished_sketch_is_kept() -> None:
    sketch = CameraPath(keys=PLAIN.keys[:1])
    assert from_json(to_json(sketch)) == sketch


def test_only_time_and_place_of_a_key_must_be_said() -> None:
    text = '{"version": 1, "keys": [{"time": 0, "position": [0, -1, -4]}, {"time": 1, "position": [1, -1, -4]}]}'
    assert from_json(text) == PLAIN


def test_what_is_no_number_is_not_written() -> None:
    with pytest.raises(InvalidRequest, match="no number"):
        to_json(CameraPath(keys=(CameraKey(time=0, position=(float("nan"), 0, 0)),)))


def changed(**changes: Any) -> str:
    return json.dumps({**to_dict(PLAIN), **changes})


def with_key(**changes: Any) -> str:
    return changed(keys=[{**to_dict(PLAIN)["keys"][0], **changes}])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "readable JSON"),
        ("[" * 100_000, "readable JSON"),
        (" " * (MAX_JSON_CHARS + 1), "longer"),
        ("[]", "JSON object"),
        ("1e999", "JSON object"),
        ("{}", "version"),
        (changed(version=2), "version 2"),
        (changed(version=True), "version"),
        (changed(shutter=180), "'shutter'"),
        (changed(keys={}), "list"),
        (changed(keys=[{}] * (MAX_KEYS + 1)), "list of at most"),
        (changed(keys=[None]), "Key 1"),
        (changed(loop=1), "loop"),
        (changed(speed=[[0, 0]] * 101), "speed"),
        (changed(speed=[[0]]), "speed"),
        (with_key(colour="red"), "'colour'"),
        (with_key(time=None), "time"),
        (with_key(time="0"), "time"),
        (with_key(time=True), "time"),
        (with_key(position=[0, 0]), "position"),
        (with_key(position=[0, 0, None]), "position"),
        (with_key(position="abc"), "position"),
        (with_key(target=[1e999, 0, 0]), "target"),
        (with_key(quaternion=[1, 0, 0]), "quaternion"),
        (with_key(focal_mm=None), "focal_mm"),
        (with_key(easing="bouncy"), "easing"),
        (with_key(easing=["constant"]), "easing"),
        (changed(keys=[{"time": 0}]), "position"),
        (with_key(time=10**400), "time"),
    ],
)
def test_what_is_not_a_path_is_refused_in_words(text: str, words: str) -> None:
    with pytest.raises(InvalidRequest, match=words) as caught:
        from_json(text)
    assert caught.value.problems[0].field == "camera"
