"""The master clip: pixels, tags, bytes, and a disk that refuses."""

from __future__ import annotations

import dataclasses
import struct
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from pipelines.domain.errors import MediaError, StorageError
from studio.media import probe, read_frames
from studio.media.encode import encode_video, frame_rate
from studio.media.master import MASTER, write_clip, write_poster
from studio.media.tags import embeddable, read_record
from tests.studio.media.samples import close_and_in_order, embedded, moving, png, psnr, record_of, seen


def boxes(path: Path) -> list[bytes]:
    """The names of an mp4's top-level boxes, in file order."""
    data, at, names = path.read_bytes(), 0, []
    while at < len(data):
        size, name = struct.unpack(">I4s", data[at : at + 8])
        names.append(name)
        at += size
    return names


def test_the_master_clip_shows_every_frame_in_order_and_colour(tmp_path: Path) -> None:
    frames = moving(17, 128, 96)
    write_clip(tmp_path / "a.mp4", frames, record_of(frames))
    look = seen(tmp_path / "a.mp4")
    assert look.fps == 16
    close_and_in_order(look.pixels, frames.pixels, 42)
    close_and_in_order(read_frames(tmp_path / "a.mp4").pixels, frames.pixels, 42)


def test_the_master_clip_is_tagged_for_browsers(tmp_path: Path) -> None:
    frames = moving()
    write_clip(tmp_path / "a.mp4", frames, record_of(frames))
    text = seen(tmp_path / "a.mp4").text
    assert "h264" in text and "yuv420p(tv, bt709" in text and "avc1" in text
    names = boxes(tmp_path / "a.mp4")
    assert names.index(b"moov") < names.index(b"mdat")


def test_the_same_frames_and_record_give_the_same_bytes(tmp_path: Path) -> None:
    frames = moving(17, 192, 128, 24.0)
    written = set()
    for _ in range(6):
        write_clip(tmp_path / "a.mp4", frames, record_of(frames))
        written.add((tmp_path / "a.mp4").read_bytes())
    assert len(written) == 1


def test_soft_frames_give_the_same_bytes_a_hundred_times(tmp_path: Path) -> None:
    """One in a hundred differed where x264's macroblock tree ran on AVX-512."""
    rough = np.random.default_rng(0).random((9, 64, 96, 3))
    soft = np.stack([cv2.GaussianBlur(picture, (0, 0), 3) for picture in rough])
    pixels = (255 * (soft - soft.min()) / (soft.max() - soft.min())).astype(np.uint8)
    written = set()
    for _ in range(100):
        encode_video(tmp_path / "a.mp4", pixels, frame_rate(8), MASTER, {})
        written.add((tmp_path / "a.mp4").read_bytes())
    assert len(written) == 1


@pytest.mark.parametrize("fps", [1.0, 8.0, 23.976, 24000 / 1001, 29.97, 30.0, 59.94, 12.5, 120.0])
def test_the_rate_survives_the_file(tmp_path: Path, fps: float) -> None:
    frames = moving(5, 32, 32, fps)
    write_clip(tmp_path / "a.mp4", frames, record_of(frames))
    assert read_frames(tmp_path / "a.mp4").fps == pytest.approx(fps, rel=1e-4)
    assert len(seen(tmp_path / "a.mp4").pixels) == 5


@pytest.mark.parametrize(("width", "height"), [(63, 47), (63, 48), (64, 47), (33, 95)])
def test_an_odd_side_grows_by_one_repeated_pixel(tmp_path: Path, width: int, height: int) -> None:
    frames = moving(3, width, height)
    write_clip(tmp_path / "a.mp4", frames, record_of(frames))
    read = seen(tmp_path / "a.mp4").pixels
    assert read.shape == (3, height + height % 2, width + width % 2, 3)
    assert psnr(read[:, :height, :width], frames.pixels) > 33
    assert psnr(read[:, -1:], read[:, -2:-1]) > 30 or height % 2 == 0


@pytest.mark.parametrize(("width", "height"), [(1, 1), (2, 2), (17, 3)])
def test_the_smallest_pictures_can_be_written(tmp_path: Path, width: int, height: int) -> None:
    frames = moving(3, width, height)
    write_clip(tmp_path / "a.mp4", frames, record_of(frames))
    assert seen(tmp_path / "a.mp4").pixels.shape == (3, height + height % 2, width + width % 2, 3)


def test_a_single_frame_is_a_clip(tmp_path: Path) -> None:
    frames = moving(1)
    write_clip(tmp_path / "a.mp4", frames, record_of(frames))
    info = probe(tmp_path / "a.mp4")
    assert (info.kind, info.num_frames, info.width, info.height, info.fps) == ("clip", 1, 64, 48, 16.0)
    assert len(read_frames(tmp_path / "a.mp4")) == 1


def test_the_record_with_its_media_comes_back_from_the_clip_alone(tmp_path: Path) -> None:
    frames = moving()
    record = record_of(frames, embedded(png()))
    write_clip(tmp_path / "a.mp4", frames, record)
    assert read_record(tmp_path / "a.mp4") == record
    assert read_record(tmp_path / "a.mp4").is_master


def test_a_megabyte_of_media_travels_in_the_tags(tmp_path: Path) -> None:
    frames = moving()
    data = np.random.default_rng(0).bytes(999_000)
    record = record_of(frames, embedded(data))
    write_clip(tmp_path / "a.mp4", frames, record)
    assert read_record(tmp_path / "a.mp4").media == embedded(data)


def test_more_than_a_megabyte_of_media_is_refused_and_can_be_left_out(tmp_path: Path) -> None:
    frames = moving()
    small, large = png(), bytes(1_000_001)
    with pytest.raises(MediaError, match="too large to travel"):
        write_clip(tmp_path / "a.mp4", frames, record_of(frames, embedded(large)))
    assert list(tmp_path.iterdir()) == []
    assert embeddable(embedded(large) | embedded(small)) == embedded(small)


def test_a_record_of_other_frames_is_refused(tmp_path: Path) -> None:
    frames = moving()
    record = dataclasses.replace(record_of(frames), frames_sha256="0" * 64)
    with pytest.raises(MediaError, match="other frames"):
        write_clip(tmp_path / "a.mp4", frames, record)


def test_a_missing_folder_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    frames = moving()
    with pytest.raises(StorageError, match="does not exist"):
        write_clip(tmp_path / "nowhere" / "a.mp4", frames, record_of(frames))
    assert list(tmp_path.iterdir()) == []


def test_the_poster_is_the_first_frame_at_most_512_pixels(tmp_path: Path) -> None:
    frames = moving(3, 1024, 256)
    write_poster(tmp_path / "p.webp", frames)
    with Image.open(tmp_path / "p.webp") as poster:
        assert poster.size == (512, 128)
        truth = Image.fromarray(frames.pixels[0]).resize((512, 128), Image.Resampling.LANCZOS)
        close = psnr(np.asarray(poster.convert("RGB")), np.asarray(truth))
    assert close > 35
