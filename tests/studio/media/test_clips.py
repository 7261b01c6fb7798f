"""Clips from other programs: containers, codecs, colours, rotation, uneven rates."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipelines.domain.frames import Frames
from studio.media import probe, read_frames
from tests.studio.media.samples import close_and_in_order, ffmpeg, moving, psnr

FRAMES = moving(8, 64, 48, 8.0)


def made(path: Path, *how: str, frames: Frames = FRAMES) -> Path:
    """A clip of known frames, written by FFmpeg's own program."""
    raw = path.with_name("frames.raw")
    raw.write_bytes(frames.pixels.tobytes())
    size = f"{frames.width}x{frames.height}"
    source = ("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", size, "-r", str(frames.fps), "-i", str(raw))
    exact = ("-sws_flags", "bicubic+accurate_rnd+full_chroma_int")
    ffmpeg(*source, *exact, *how, str(path))
    return path


BT709 = ("-vf", "scale=out_color_matrix=bt709:out_range=tv", "-colorspace", "bt709", "-color_range", "tv")
KINDS = {
    "h264 in mp4": ("a.mp4", ("-c:v", "libx264", "-crf", "8", "-pix_fmt", "yuv420p")),
    "h264 with B-frames and BT.709": ("a.mp4", (*BT709, "-c:v", "libx264", "-crf", "8", "-bf", "3")),
    "h264 of full range": ("a.mp4", ("-c:v", "libx264", "-crf", "8", "-pix_fmt", "yuvj420p")),
    "10-bit h265 in mov": ("a.mov", ("-c:v", "libx265", "-crf", "8", "-pix_fmt", "yuv420p10le")),
    "vp8 in webm": ("a.webm", ("-c:v", "libvpx", "-crf", "4", "-b:v", "4M")),
    "vp9 in mkv": ("a.mkv", ("-c:v", "libvpx-vp9", "-crf", "8", "-b:v", "0")),
    "av1 in mp4": ("a.mp4", ("-c:v", "libsvtav1", "-crf", "8", "-preset", "8", "-svtav1-params", "lp=1")),
    "mjpeg in avi": ("a.avi", ("-c:v", "mjpeg", "-q:v", "2", "-pix_fmt", "yuvj444p")),
    "ffv1 in mkv": ("a.mkv", ("-c:v", "ffv1", "-pix_fmt", "gbrp")),
    "png in mov": ("a.mov", ("-c:v", "png")),
    "prores in mov": ("a.mov", ("-c:v", "prores_ks", "-profile:v", "3")),
    "raw in avi": ("a.avi", ("-c:v", "rawvideo", "-pix_fmt", "bgr24")),
    "gif": ("a.gif", ()),
}


@pytest.mark.parametrize(("name", "how"), KINDS.values(), ids=KINDS.keys())
def test_clips_of_other_programs_are_read_whole(name: str, how: tuple[str, ...], tmp_path: Path) -> None:
    path = made(tmp_path / name, *how)
    info = probe(path)
    assert (info.kind, info.width, info.height, info.num_frames) == ("clip", 64, 48, 8)
    assert info.fps == pytest.approx(8, rel=0.015)  # GIF counts in hundredths of a second
    read = read_frames(path)
    assert read.fps == info.fps
    close_and_in_order(read.pixels, FRAMES.pixels, 18 if name.endswith("gif") else 34)


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_phones_rotation_is_applied(degrees: int, tmp_path: Path) -> None:
    flat = made(tmp_path / "flat.mp4", "-crf", "8")
    path = tmp_path / "turned.mp4"
    ffmpeg("-display_rotation", str(degrees), "-i", str(flat), "-c", "copy", str(path))
    truth = np.rot90(FRAMES.pixels, degrees // 90, axes=(1, 2))
    info = probe(path)
    assert (info.height, info.width) == truth.shape[1:3] and info.rotation == degrees
    close_and_in_order(read_frames(path).pixels, truth, 34)


def test_transparent_parts_of_a_clip_lie_over_grey(tmp_path: Path) -> None:
    clear = "color=red@0.0:size=16x16:rate=4:duration=1,format=rgba"
    ffmpeg("-f", "lavfi", "-i", clear, "-c:v", "png", "-pix_fmt", "rgba", str(tmp_path / "a.mov"))
    assert probe(tmp_path / "a.mov").has_alpha
    assert (read_frames(tmp_path / "a.mov").pixels == 127).all()


def test_an_uneven_rate_is_evened_out_by_time(tmp_path: Path) -> None:
    listing = []
    for index, seconds in enumerate((0.8, 0.1, 0.1)):
        Image.new("RGB", (16, 16), (80 * index, 80 * index, 80 * index)).save(tmp_path / f"{index}.png")
        listing.append(f"file {index}.png\nduration {seconds}\n")
    (tmp_path / "list.txt").write_text("ffconcat version 1.0\n" + "".join(listing) + "file 2.png\n")
    path = tmp_path / "a.mkv"
    ffmpeg("-i", str(tmp_path / "list.txt"), "-fps_mode", "vfr", "-c:v", "ffv1", "-pix_fmt", "gbrp", str(path))
    read = read_frames(path)
    levels = read.pixels[:, 0, 0, 0]
    assert sorted(levels) == list(levels) and levels[0] == 0
    dark = np.count_nonzero(levels == 0) / read.fps
    assert dark == pytest.approx(0.8, abs=0.6 / read.fps)


def test_only_as_many_frames_as_asked_are_read_and_scaled(tmp_path: Path) -> None:
    path = made(tmp_path / "a.mp4", "-crf", "8")
    read = read_frames(path, max_frames=3, size=(32, 24))
    assert read.pixels.shape == (3, 24, 32, 3)
    truth = [np.asarray(Image.fromarray(p).resize((32, 24), Image.Resampling.LANCZOS)) for p in FRAMES.pixels[:3]]
    assert psnr(read.pixels, np.stack(truth)) > 34


def test_the_second_video_track_and_the_sound_are_passed_over(tmp_path: Path) -> None:
    path = made(tmp_path / "a.mp4", "-crf", "8")
    sound = tmp_path / "sound.mp4"
    ffmpeg("-i", str(path), "-f", "lavfi", "-i", "sine=duration=1", "-shortest", "-c:v", "copy", str(sound))
    assert len(read_frames(sound)) == 8
