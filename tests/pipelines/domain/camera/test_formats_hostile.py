"""Files that are damaged, cut short, of the wrong convention, or made to do harm."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.domain.camera.formats import FORMATS, decode, encode
from pipelines.domain.camera.formats.files import MAX_BYTES
from pipelines.domain.camera.plan_text import path_from_text
from pipelines.domain.errors import InvalidRequest

PATH = path_from_text("orbit left 90")
GOOD = {form: encode(PATH, form).data for form in FORMATS}
ROW = "0 0.5 0.9 0.5 0.5 0 0 1 0 0 0 0 1 0 0 0 0 1 0"


def gltf(**changes: Any) -> bytes:
    return json.dumps({**json.loads(GOOD["gltf"]), **changes}).encode()


def nerf(**changes: Any) -> bytes:
    raw = json.loads(GOOD["nerfstudio"])
    raw["camera_path"][2].update(changes)
    return json.dumps(raw).encode()


IDENTITY = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]


@pytest.mark.parametrize(
    ("form", "data", "words"),
    [
        ("re10k", b"url\n" + ROW.encode() + b"\n0 1 2", "Line 3 .* 3 numbers, not 19"),
        ("re10k", b"url\n" + ROW.replace("0.9", "nan").encode(), "Line 2 .*nan"),
        ("re10k", b"url\n" + ROW.replace("0.9", "1e999").encode(), "Line 2 .*1e999"),
        ("re10k", b"url\n" + ROW.replace("0.9", "-0.9").encode(), "Line 2 .* not positive"),
        ("re10k", b"url\n" + ROW.replace("0.9", "900").encode(), "Line 2 .* mm"),
        ("re10k", b"url\n" + ROW.replace(" 1 0 0 0 0 1", " 2 0 0 0 0 1").encode(), "Line 2 .* stretched"),
        ("re10k", b"url\n" + ROW.replace("0 0 0 0 1 0", "0 0 0 0 -1 0").encode(), "mirrored"),
        ("re10k", b"url\n", "no pose"),
        ("re10k", b"x" * 200_000, "longer than"),
        ("re10k", (ROW[:-1] + "1e9").encode(), "bounds"),
        ("tum", b"0 0 0 0 0 0 0 1\n0 0 0 0 0 0 0 1", "Line 2 .* not later"),
        ("tum", b"0 0 0 0 0 0 0 2", "Line 1 .* length 2"),
        ("tum", b"0 0 0 0 0 0 0", "Line 1 .* 7 numbers"),
        ("tum", b"# only words\n", "no pose"),
        ("tum", b"\xff\xfe\x00", "not text"),
        ("colmap", b"1 1 0 0 0 0 0 0 1", "Line 1 .* 9 entries"),
        ("colmap", b"1 0 0 0 0 0 0 0 1 a.png", "length 0"),
        ("colmap", b"# nothing", "no picture"),
        ("nerfstudio", b'{"camera_path": 3}', "no list"),
        ("nerfstudio", b'{"camera_path": []}', "no pose"),
        ("nerfstudio", b"{" * 9, "JSON"),
        ("nerfstudio", b"[" * 100_000, "JSON"),
        ("nerfstudio", b'{"camera_type": "fisheye", "camera_path": []}', "fisheye"),
        ("nerfstudio", nerf(fov=None, aspect=1), "default|Frame 3|fov"),
        ("nerfstudio", nerf(fov=200), "Frame 3 .* fov"),
        ("nerfstudio", nerf(camera_to_world=[0] * 15), "Frame 3"),
        ("nerfstudio", nerf(camera_to_world=[0] * 16), "Frame 3"),
        ("nerfstudio", nerf(camera_to_world=IDENTITY[:3] + [5] + IDENTITY[4:12] + [1, 0, 0, 1]), "transposed"),
        ("nerfstudio", nerf(camera_to_world=["1"] * 16), "Frame 3"),
        ("nerfstudio", nerf(camera_to_world=[float("nan")] * 16), "Frame 3"),
        ("gltf", b"{}", "no camera"),
        ("gltf", b"glTF\x02\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xffJSON", "cut short"),
        ("gltf", gltf(nodes=[{"camera": 7}]), "no entry 7"),
        ("gltf", gltf(nodes=[{"camera": 0, "children": [0]}]), "circle"),
        ("gltf", gltf(nodes=[{"camera": 0, "scale": [1, 1, -1]}], animations=[]), "mirrored"),
        ("gltf", gltf(nodes=[{"camera": 0, "scale": [1, 9, 1]}], animations=[]), "stretched"),
        ("gltf", gltf(nodes=[{"camera": 0, "rotation": [0, 0, 0, 9]}], animations=[]), "length 9"),
        ("gltf", gltf(nodes=7), "no list"),
        ("gltf", gltf(cameras=[{"type": "orthographic"}]), "perspective"),
        ("gltf", gltf(buffers=[{"byteLength": 9, "uri": "../../../etc/passwd"}]), "another file"),
        ("gltf", gltf(buffers=[{"byteLength": 9, "uri": "file:///etc/passwd"}]), "another file"),
        ("gltf", gltf(buffers=[{"byteLength": 9, "uri": "data:;base64,AAAA"}]), "cut short"),
        ("gltf", gltf(buffers=[{"byteLength": 9, "uri": "data:;base64,*"}]), "damaged"),
        ("gltf", gltf(accessors=[{"bufferView": 0, "componentType": 5126, "count": 10**9, "type": "SCALAR"}]), "poses"),
        ("gltf", gltf(accessors=[]), "no entry"),
        ("gimbal", b'{"version": 1, "keys": []}', "no key"),
        ("gimbal", b'{"version": 9, "keys": []}', "version 9"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_place(form: str, data: bytes, words: str) -> None:
    with pytest.raises(InvalidRequest, match=words) as caught:
        decode(data, form=form)
    assert caught.value.problems[0].field == "camera" and caught.value.hint


@pytest.mark.parametrize("data", [b"", b"hello", b"\0\1\2", b"{}", b"[]", b"1 2 3", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_camera_file_is_told_as_that(data: bytes) -> None:
    with pytest.raises(InvalidRequest, match="no camera file"):
        decode(data, name="upload")


@pytest.mark.parametrize("form", FORMATS)
def test_a_huge_file_is_refused_at_once(form: str) -> None:
    began = time.perf_counter()
    with pytest.raises(InvalidRequest):
        decode(b" " * (MAX_BYTES + 1), form=form)
    assert time.perf_counter() - began < 2


@pytest.mark.parametrize("form", FORMATS)
@settings(max_examples=20)
@given(cut=st.floats(0, 0.98))
def test_a_file_cut_short_never_becomes_a_wrong_path_silently(form: str, cut: float) -> None:
    data = GOOD[form][: int(cut * len(GOOD[form]))]
    try:
        read = decode(data, form=form)
    except InvalidRequest:
        return
    assert form in ("re10k", "tum", "colmap")  # lines: what is left is whole frames
    assert 1 <= len(read.track) <= 17


@pytest.mark.parametrize("form", FORMATS)
@settings(max_examples=30)
@given(data=st.data())
def test_any_damage_is_read_or_refused_but_never_crashes(form: str, data: st.DataObject) -> None:
    bad = bytearray(GOOD[form])
    for _ in range(data.draw(st.integers(1, 4))):
        bad[data.draw(st.integers(0, len(bad) - 1))] = data.draw(st.integers(0, 255))
    try:
        decode(bytes(bad), form=form, beside=b"1 PINHOLE 8 8 9 9 4 4" if form == "colmap" else None)
    except InvalidRequest as error:
        assert error.message


def test_a_glb_is_read_like_a_gltf() -> None:
    raw = json.loads(GOOD["gltf"])
    binary = base64.b64decode(raw["buffers"][0].pop("uri").split(",")[1])
    text = json.dumps(raw).encode()
    text += b" " * (-len(text) % 4)
    parts = len(text).to_bytes(4, "little") + b"JSON" + text + len(binary).to_bytes(4, "little") + b"BIN\0" + binary
    glb = b"glTF" + (2).to_bytes(4, "little") + (12 + len(parts)).to_bytes(4, "little") + parts
    one, other = decode(glb, name="a.glb").track, decode(GOOD["gltf"]).track
    assert (one.camera_to_world == other.camera_to_world).all()
