"""Files that are damaged, disguised or made to harm: each is told in plain words, and none is followed."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from pipelines.domain.errors import MediaError
from studio.media import probe, read_frames, read_image
from studio.media.master import write_clip
from studio.media.tags import read_record
from tests.studio.media.samples import ffmpeg, moving, png, record_of

Make = Callable[[Path], Path]


def clip(folder: Path) -> Path:
    frames = moving(17)
    write_clip(folder / "clip.mp4", frames, record_of(frames))
    return folder / "clip.mp4"


def written(name: str, data: bytes) -> Make:
    def make(folder: Path) -> Path:
        (folder / name).write_bytes(data)
        return folder / name

    return make


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def giant_png(width: int, height: int) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


def folder_named_like_a_clip(folder: Path) -> Path:
    (folder / "a.mp4").mkdir()
    return folder / "a.mp4"


def missing(folder: Path) -> Path:
    return folder / "nowhere.mp4"


def pipe(folder: Path) -> Path:
    os.mkfifo(folder / "a.mp4")
    return folder / "a.mp4"


def only_sound(folder: Path) -> Path:
    ffmpeg("-f", "lavfi", "-i", "sine=duration=0.2", str(folder / "a.mp4"))
    return folder / "a.mp4"


def sound_with_cover(folder: Path) -> Path:
    (folder / "cover.png").write_bytes(png(32))
    inputs = ("-f", "lavfi", "-i", "sine=duration=0.2", "-i", str(folder / "cover.png"))
    ffmpeg(*inputs, "-map", "0", "-map", "1", "-c:v", "png", "-disposition:v", "attached_pic", str(folder / "a.m4a"))
    return folder / "a.m4a"


def cut(share: float) -> Make:
    def make(folder: Path) -> Path:
        path = clip(folder)
        data = path.read_bytes()
        path.write_bytes(data[: int(len(data) * share)])
        return path

    return make


def cut_webm(folder: Path) -> Path:
    path = folder / "a.webm"
    ffmpeg("-f", "lavfi", "-i", "testsrc=size=64x64:rate=8:duration=4", "-g", "4", str(path))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


def cut_picture(folder: Path) -> Path:
    moving_picture = Image.fromarray(moving(1, 256, 256).pixels[0])
    moving_picture.save(folder / "whole.png")
    data = (folder / "whole.png").read_bytes()
    (folder / "a.png").write_bytes(data[: len(data) // 2])
    return folder / "a.png"


def unusual_codec(folder: Path) -> Path:
    ffmpeg("-f", "lavfi", "-i", "testsrc=s=32x32:d=0.2", "-c:v", "snow", "-strict", "-2", str(folder / "a.avi"))
    return folder / "a.avi"


PLAYLIST = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{}\n#EXT-X-ENDLIST\n"
HOSTILE: dict[str, tuple[Make, str]] = {
    "no file": (missing, "There is no file"),
    "a folder": (folder_named_like_a_clip, "is a folder"),
    "zero bytes": (written("a.mp4", b""), "is empty"),
    "text": (written("a.mp4", b"hello, I am a film\n" * 50), "no picture or clip"),
    "a playlist": (written("a.mp4", PLAYLIST.format("secret.mp4").encode()), "no picture or clip"),
    "a concat list": (written("a.mp4", b"ffconcat version 1.0\nfile secret.mp4\n"), "no picture or clip"),
    "a session description": (written("a.mp4", b"v=0\no=- 0 0 IN IP4 127.0.0.1\n"), "no picture or clip"),
    "a subtitle": (written("a.mp4", b"1\n00:00:00,000 --> 00:00:01,000\nhi\n"), "no picture or clip"),
    "a drawing program": (written("a.png", b"%!PS-Adobe-3.0 EPSF-3.0\n"), "no picture or clip"),
    "svg": (written("a.png", b'<svg xmlns="http://www.w3.org/2000/svg"/>'), "no picture or clip"),
    "a zip": (written("a.png", b"PK\x03\x04" + bytes(60)), "no picture or clip"),
    "JSON": (written("a.png", b"{}"), "no picture or clip"),
    "an HEIC photo": (written("a.jpg", b"\0\0\0\x18ftypheic" + bytes(60)), "AVIF or HEIC"),
    "only the first bytes of an mp4": (written("a.mp4", b"\0\0\0\x18ftypisom" + bytes(60)), "damaged or breaks off"),
    "only the first bytes of a webm": (written("a.webm", b"\x1a\x45\xdf\xa3" + bytes(60)), "damaged or breaks off"),
    "only the first bytes of an avi": (written("a.avi", b"RIFF\xff\xff\xff\x7fAVI LIST" + bytes(60)), "a.avi"),
    "only the first bytes of a png": (written("a.png", b"\x89PNG\r\n\x1a\n"), "damaged or breaks off"),
    "only the first bytes of a jpeg": (written("a.jpg", b"\xff\xd8\xff\xe0"), "damaged or breaks off"),
    "only the first bytes of a gif": (written("a.gif", b"GIF89a\1\0\1\0"), "damaged or breaks off"),
    "only the first bytes of a webp": (written("a.webp", b"RIFF\x20\0\0\0WEBPVP8 "), "damaged or breaks off"),
    "a picture of 10 gigapixels": (written("a.png", giant_png(100_000, 100_000)), "megapixels"),
    "a picture of 80 megapixels": (written("a.png", giant_png(10_000, 8_000)), "megapixels"),
    "a picture of 130 megapixels": (written("a.png", giant_png(13_000, 10_000)), "megapixels"),
    "a picture one pixel high": (written("a.png", giant_png(1_000_000, 1)), "pixels a side"),
    "a picture without size": (written("a.png", giant_png(0, 5)), "a.png"),
    "half a picture": (cut_picture, "damaged or breaks off"),
    "only sound": (only_sound, "holds only sound"),
    "sound with a cover picture": (sound_with_cover, "holds only sound"),
    "a codec off the list": (unusual_codec, "damaged|codec"),
    "a clip cut in its index": (cut(0.1), "damaged or breaks off"),
    "a clip cut in the middle": (cut(0.7), "damaged|breaks off"),
    "a webm cut in the middle": (cut_webm, "damaged|breaks off"),
    "a clip cut near its end": (cut(0.9), "damaged|breaks off"),
}


@pytest.mark.parametrize(("make", "words"), HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_file_is_told_in_plain_words(make: Make, words: str, tmp_path: Path) -> None:
    path = make(tmp_path)
    with pytest.raises(MediaError, match=words) as caught:
        read_frames(path)
    assert path.name in caught.value.message and caught.value.hint
    assert len(caught.value.message) < 200


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_named_pipe_does_not_hang(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="no ordinary file"):
        probe(pipe(tmp_path))


def test_an_empty_or_disguised_file_has_no_record_either(tmp_path: Path) -> None:
    for name in ("zero bytes", "text", "a folder"):
        (tmp_path / name).mkdir()
        with pytest.raises(MediaError):
            read_record(HOSTILE[name][0](tmp_path / name))


def test_a_clip_that_points_to_another_file_is_not_followed(tmp_path: Path) -> None:
    """A QuickTime reference movie: its samples lie in a second file, named by a data reference."""
    path = clip(tmp_path)
    data = path.read_bytes()
    own = b"url \0\0\0\1"
    assert data.count(own) == 1
    (tmp_path / "secret.mp4").write_bytes(data)
    path.write_bytes(data.replace(own, b"url \0\0\0\0"))
    at = data.index(b"mdat") + 4
    path.write_bytes(path.read_bytes()[:at] + bytes(len(data) - at))
    with pytest.raises(MediaError):
        read_frames(path)


def test_a_clip_is_no_picture(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="is a clip"):
        read_image(clip(tmp_path))


def test_too_many_frames_for_memory_are_refused_before_reading(tmp_path: Path) -> None:
    ffmpeg("-f", "lavfi", "-i", "color=size=4096x2160:rate=25", "-frames:v", "1", str(tmp_path / "one.mp4"))
    ffmpeg("-stream_loop", "99", "-i", str(tmp_path / "one.mp4"), "-c", "copy", str(tmp_path / "a.mp4"))
    with pytest.raises(MediaError, match="too large to hold in memory"):
        read_frames(tmp_path / "a.mp4")
    assert read_frames(tmp_path / "a.mp4", max_frames=2, size=(64, 32)).pixels.shape == (2, 32, 64, 3)


def test_a_clip_of_hours_is_refused(tmp_path: Path) -> None:
    ffmpeg("-f", "lavfi", "-i", "color=size=16x16:rate=1:duration=700", str(tmp_path / "a.mp4"))
    with pytest.raises(MediaError, match="longer than 10 minutes"):
        probe(tmp_path / "a.mp4")


def test_an_animation_of_endless_pictures_is_refused(tmp_path: Path) -> None:
    picture = b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\2\2\x44\1\0"
    data = b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0x80, 0, 0) + bytes(6) + picture * 25_000 + b"\x3b"
    (tmp_path / "a.gif").write_bytes(data)
    with pytest.raises(MediaError, match="more than 20,000 frames"):
        probe(tmp_path / "a.gif")


@pytest.mark.parametrize("suffix", ["mp4", "webm", "avi", "gif", "webp", "png", "jpg"])
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_flipped_bytes_never_raise_anything_but_a_media_error(suffix: str, data: st.DataObject, tmp_path: Path) -> None:
    whole = tmp_path / f"whole.{suffix}"
    if not whole.exists():
        count = "1" if suffix in ("png", "jpg") else "4"
        ffmpeg("-f", "lavfi", "-i", "testsrc=size=32x24:rate=8", "-frames:v", count, str(whole))
    good = bytearray(whole.read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        good[data.draw(st.integers(12, len(good) - 1))] = data.draw(st.integers(0, 255))
    bad = tmp_path / f"bad.{suffix}"
    bad.write_bytes(good[: data.draw(st.integers(13, len(good)))])
    try:
        frames = read_frames(bad)
    except MediaError as error:
        assert error.hint
    else:
        assert len(frames) >= 1
