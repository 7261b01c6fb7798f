"""Every export format, read again by another program: frames, size, rate, pixels, record."""

from __future__ import annotations

import dataclasses
import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageSequence

from pipelines.domain.frames import Frames
from studio.export import FORMATS, ExportOptions, export, plan
from studio.media import read_frames
from studio.media.master import write_clip
from studio.media.tags import read_record
from tests.studio.media.samples import close_and_in_order, embedded, moving, png, record_of, seen

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Expected:
    """How a format is read independently, how close its pixels must be, and what FFmpeg says of it."""

    read: Callable[[Path], tuple[Pixels, float]]
    least_db: float
    words: tuple[str, ...] = ()
    small_db: float | None = None


def by_ffmpeg(path: Path) -> tuple[Pixels, float]:
    look = seen(path)
    return look.pixels, look.fps


def by_pillow(path: Path) -> tuple[Pixels, float]:
    with Image.open(path) as image:
        pixels, milliseconds = [], 0.0
        for picture in ImageSequence.Iterator(image):
            pixels.append(np.asarray(picture.convert("RGB")))
            milliseconds += picture.info["duration"]
    return np.stack(pixels), 1000 * len(pixels) / milliseconds


def by_zipfile(path: Path) -> tuple[Pixels, float]:
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        names = [name for name in archive.namelist() if name.endswith(".png")]
        assert names == sorted(names)
        pixels = [np.asarray(Image.open(io.BytesIO(archive.read(name)))) for name in names]
    return np.stack(pixels), 0.0


YUV = "yuv420p(tv, bt709"
EXPECTED = {
    "mp4": Expected(by_ffmpeg, 38, ("h264", "avc1", YUV)),
    "mp4-h265": Expected(by_ffmpeg, 38, ("hevc", "hvc1", YUV)),
    "webm": Expected(by_ffmpeg, 38, ("vp9", YUV)),
    "webm-av1": Expected(by_ffmpeg, 38, ("av1", YUV)),
    "gif": Expected(by_pillow, 28, small_db=31.5),
    "webp": Expected(by_pillow, 34),
    "mov": Expected(by_ffmpeg, 42, ("prores (HQ)", "apch", "yuv422p10le(tv, bt709")),
    "zip": Expected(by_zipfile, 80),
}
IDS = list(EXPECTED)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A master clip with a start picture inside, of 12 frames at 16 per second."""
    frames = moving(12, 192, 128)
    write_clip(tmp_path / "source.mp4", frames, record_of(frames, embedded(png())))
    return tmp_path / "source.mp4"


def target_of(folder: Path, format_id: str) -> Path:
    return folder / f"out{next(f.suffix for f in FORMATS if f.id == format_id)}"


def test_every_format_of_the_list_is_tested() -> None:
    assert [known.id for known in FORMATS] == IDS


@pytest.mark.parametrize("format_id", IDS)
def test_a_whole_clip_comes_out_with_all_its_frames(format_id: str, source: Path, tmp_path: Path) -> None:
    target, expected = target_of(tmp_path, format_id), EXPECTED[format_id]
    report = export(source, target, ExportOptions(format=format_id))
    pixels, fps = expected.read(target)
    assert (report.num_frames, report.width, report.height, report.fps) == (12, 192, 128, 16.0)
    assert report.bytes == target.stat().st_size and report.path == target
    assert len(pixels) == 12 and (fps == pytest.approx(16, rel=0.02) or format_id == "zip")
    close_and_in_order(pixels, read_frames(source).pixels, expected.least_db)
    if expected.words:
        text = seen(target).text
        assert all(word in text for word in expected.words), text


@pytest.mark.parametrize("format_id", IDS)
def test_range_boomerang_scale_and_rate_work_together(format_id: str, source: Path, tmp_path: Path) -> None:
    target, expected = target_of(tmp_path, format_id), EXPECTED[format_id]
    options = ExportOptions(format=format_id, start=2, end=9, loop="boomerang", repeats=2, scale=0.5, fps=12.5)
    report = export(source, target, options)
    pixels, fps = expected.read(target)
    master = read_frames(source).pixels
    shown = plan(12, 16.0, options)
    small = [np.asarray(Image.fromarray(p).resize((96, 64), Image.Resampling.LANCZOS)) for p in master]
    truth = [small[i] for i in shown]
    if format_id == "webp":
        truth = [p for p, before in zip(truth, [None, *truth], strict=False) if p is not before]
        assert len(pixels) / fps == pytest.approx(len(shown) / 12.5, abs=0.01)
    else:
        assert len(pixels) == len(shown) and (fps == pytest.approx(12.5, rel=0.02) or format_id == "zip")
    assert report.num_frames == len(shown)
    close_and_in_order(pixels, np.stack(truth), expected.small_db or expected.least_db)


@pytest.mark.parametrize("format_id", IDS)
def test_the_record_is_in_the_file_and_tells_what_was_done(format_id: str, source: Path, tmp_path: Path) -> None:
    target = target_of(tmp_path, format_id)
    report = export(source, target, ExportOptions(format=format_id, start=1, end=5))
    master, record = read_record(source), read_record(target)
    assert report.carries_request and report.sidecar is None
    assert dataclasses.replace(record, applied={}) == master
    assert not record.is_master and record.applied["format"] == format_id
    assert (record.applied["start"], record.applied["end"], record.applied["size"]) == (1, 5, "192x128")


@pytest.mark.parametrize("format_id", IDS)
def test_a_single_frame_can_be_exported(format_id: str, source: Path, tmp_path: Path) -> None:
    target, expected = target_of(tmp_path, format_id), EXPECTED[format_id]
    report = export(source, target, ExportOptions(format=format_id, start=3, end=4, loop="boomerang"))
    assert report.num_frames == 1
    if expected.read is not by_pillow:
        assert len(expected.read(target)[0]) == 1
    else:
        with Image.open(target) as image:
            assert image.size == (192, 128)


@pytest.mark.parametrize("format_id", IDS)
def test_an_odd_size_is_reported_as_it_stands_in_the_file(format_id: str, source: Path, tmp_path: Path) -> None:
    target, expected = target_of(tmp_path, format_id), EXPECTED[format_id]
    report = export(source, target, ExportOptions(format=format_id, scale=(101, 67)))
    height, width = expected.read(target)[0].shape[1:3]
    assert (report.width, report.height) == (width, height)
    assert (width - 101, height - 67) in ((0, 0), (1, 1))


@pytest.mark.parametrize("format_id", ["gif", "webp", "mov", "zip"])
def test_the_same_export_gives_the_same_bytes(format_id: str, source: Path, tmp_path: Path) -> None:
    target = target_of(tmp_path, format_id)
    first, second = (export(source, target, ExportOptions(format=format_id)).path.read_bytes() for _ in range(2))
    assert first == second


@pytest.mark.parametrize("format_id", IDS)
def test_a_still_clip_keeps_its_duration(format_id: str, tmp_path: Path) -> None:
    """Equal frames: video formats keep each; animated WebP stores them as one picture for as long."""
    frames = Frames(np.full((8, 64, 64, 3), 90, np.uint8), 8.0)
    write_clip(tmp_path / "still.mp4", frames, record_of(frames))
    target = target_of(tmp_path, format_id)
    export(tmp_path / "still.mp4", target, ExportOptions(format=format_id))
    if format_id == "webp":
        with Image.open(target) as image:
            assert sum(p.info.get("duration", 1000) for p in ImageSequence.Iterator(image)) == 1000
    elif format_id == "gif":
        assert len(seen(target).pixels) == 8
    else:
        assert len(EXPECTED[format_id].read(target)[0]) == 8


def test_a_large_start_picture_travels_beside_a_gif(tmp_path: Path) -> None:
    frames = moving(3, 32, 32)
    media = embedded(np.random.default_rng(0).bytes(200_000))
    write_clip(tmp_path / "source.mp4", frames, record_of(frames, media))
    report = export(tmp_path / "source.mp4", tmp_path / "a.gif", ExportOptions())
    assert report.sidecar == tmp_path / "a.gif.json" and report.bytes < 100_000
    assert read_record(tmp_path / "a.gif").media == media
    (tmp_path / "a.gif.json").unlink()
    assert read_record(tmp_path / "a.gif").request == record_of(frames, media).request


def test_an_export_of_an_export_tells_both(source: Path, tmp_path: Path) -> None:
    export(source, tmp_path / "a.webm", ExportOptions(start=2))
    export(tmp_path / "a.webm", tmp_path / "b.gif", ExportOptions(end=3))
    applied = read_record(tmp_path / "b.gif").applied
    assert applied["format"] == "gif" and '"webm"' in str(applied["earlier"])
