"""The record as text: strict on the way in, whatever the file claims."""

from __future__ import annotations

import base64
import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.domain.errors import MediaError
from studio.media.gif_comment import insert_comment, read_comment
from studio.media.limits import MAX_RECORD_CHARS
from studio.media.record import ClipRecord
from studio.media.tags import read_record, sidecar
from tests.studio.media.samples import embedded, moving, png, record_of

FRAMES = moving(2, 4, 4)
RECORD = record_of(FRAMES, embedded(png()))


@given(prompt=st.text(st.characters(exclude_categories=("Cs",)), max_size=300), seconds=st.floats(0, 1e9))
def test_any_prompt_and_fact_come_back(prompt: str, seconds: float) -> None:
    record = dataclasses.replace(record_of(FRAMES, prompt=prompt), facts={"seconds": seconds})
    assert ClipRecord.from_json(record.to_json()) == record


def test_equal_records_give_equal_ascii_text() -> None:
    assert RECORD.to_json() == dataclasses.replace(RECORD).to_json()
    assert RECORD.to_json().isascii() and "\n" not in RECORD.to_json()


def changed(**fields: Any) -> str:
    return json.dumps(json.loads(RECORD.to_json()) | fields)


DIGEST = next(iter(RECORD.media))
REFUSED = {
    "not JSON": "{",
    "a list": "[]",
    "nothing": "{}",
    "another version": changed(gimbal=2),
    "an unknown field": changed(colour="red"),
    "a missing field": json.dumps({k: v for k, v in json.loads(RECORD.to_json()).items() if k != "facts"}),
    "a request that is text": changed(request="hello"),
    "a request without prompt": changed(request={"version": 1, "model": "toybox"}),
    "a request with an endless number": changed(request=json.loads(RECORD.request.to_json()) | {"fps": 10**400}),
    "no hash": changed(frames_sha256="../../etc/passwd"),
    "a time that is text": changed(created_at="now"),
    "a time beyond time": changed(created_at=10**400),
    "infinity": changed(created_at=0.5).replace("0.5", "1e999"),
    "not a number": changed(created_at=0.5).replace("0.5", "NaN"),
    "half a character": changed(model_title="x").replace('"x"', '"\\ud800"'),
    "a long title": changed(model_title="x" * 201),
    "nested facts": changed(facts={"a": {"b": 1}}),
    "many facts": changed(facts={str(i): i for i in range(65)}),
    "libraries of numbers": changed(libraries={"torch": 2}),
    "media that do not match their hash": changed(media={DIGEST: base64.b64encode(b"other").decode()}),
    "media that are no base64": changed(media={DIGEST: "*"}),
    "media that are a number": changed(media={DIGEST: 5}),
    "media that nobody asked for": changed(media={"0" * 64: ""}),
    "deep nesting": '{"gimbal": ' + "[" * 50_000 + "]" * 50_000 + "}",
    "endless text": "{" + " " * MAX_RECORD_CHARS + "}",
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED.keys())
def test_a_false_record_is_refused_with_a_next_step(text: str) -> None:
    with pytest.raises(MediaError) as caught:
        ClipRecord.from_json(text)
    assert caught.value.message.startswith("The record in this file") and caught.value.hint


@given(data=st.binary(max_size=400))
def test_no_bytes_break_the_reading_of_a_gif_comment(data: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "bytes.gif"
    path.write_bytes(b"GIF89a" + data)
    comment = read_comment(path)
    assert comment is None or len(comment) <= len(data)


@pytest.mark.parametrize("size", [0, 1, 254, 255, 256, 70_000])
def test_a_comment_of_any_length_comes_back_from_a_gif(tmp_path: Path, size: int) -> None:
    from PIL import Image

    path = tmp_path / "a.gif"
    Image.new("P", (4, 4)).save(path)
    insert_comment(path, "x" * size)
    assert read_comment(path) == "x" * size
    with Image.open(path) as image:
        image.load()


def test_a_file_without_a_record_says_so(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(png())
    with pytest.raises(MediaError, match="carries no request"):
        read_record(path)


def test_a_request_json_is_read_by_itself(tmp_path: Path) -> None:
    (tmp_path / "request.json").write_text(RECORD.to_json())
    assert read_record(tmp_path / "request.json") == RECORD


def test_a_sidecar_completes_only_the_file_it_belongs_to(tmp_path: Path) -> None:
    from PIL import Image

    path = tmp_path / "a.gif"
    Image.new("P", (4, 4)).save(path)
    insert_comment(path, dataclasses.replace(RECORD, media={}).to_json())
    assert read_record(path).media == {}
    sidecar(path).write_text(dataclasses.replace(RECORD, frames_sha256="0" * 64).to_json())
    assert read_record(path).media == {}
    sidecar(path).write_text("{}")
    assert read_record(path).media == {}
    sidecar(path).write_text(RECORD.to_json())
    assert read_record(path) == RECORD


def test_a_damaged_zip_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(b"PK\x03\x04" + b"\0" * 100)
    with pytest.raises(MediaError, match="damaged zip"):
        read_record(path)
