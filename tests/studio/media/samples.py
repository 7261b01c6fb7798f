"""Clips and readers for the tests of media and export: known pixels, and FFmpeg's own program to look at files."""

from __future__ import annotations

import hashlib
import io
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import imageio_ffmpeg
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipelines.domain.conditioning import StartImage
from pipelines.domain.frames import Frames
from pipelines.domain.request import GenerationRequest
from studio.media.record import ClipRecord


def moving(num_frames: int = 9, width: int = 64, height: int = 48, fps: float = 16.0) -> Frames:
    """A smooth clip in which every channel, every side and every frame is told apart."""
    y, x = np.mgrid[:height, :width]
    u, v = x / max(1, width - 1), y / max(1, height - 1)
    pictures = []
    for index in range(num_frames):
        t = index / max(1, num_frames - 1)
        spot = np.exp(-((u - 0.2 - 0.6 * t) ** 2 + (v - 0.5) ** 2) / 0.03)
        red, green, blue = 40 + 160 * u, 60 + 120 * v * (1 - t), 30 + 70 * t + 100 * spot
        pictures.append(np.stack([red, green, blue], -1).round().astype(np.uint8))
    return Frames(np.stack(pictures), fps)


def png(side: int = 8, colour: tuple[int, int, int] = (200, 30, 30)) -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (side, side), colour).save(data, "PNG")
    return data.getvalue()


def record_of(frames: Frames, media: Mapping[str, bytes] | None = None, prompt: str = "A réd ball ✓") -> ClipRecord:
    media = media or {}
    request = GenerationRequest(
        model="toybox",
        prompt=prompt,
        seed=7,
        width=frames.width,
        height=frames.height,
        num_frames=len(frames),
        fps=frames.fps,
        steps=4,
        guidance=3.0,
        conditioning=tuple(StartImage(media=digest) for digest in media),
    )
    return ClipRecord(
        request=request,
        frames_sha256=frames.digest(),
        clip_id="c0ffee",
        created_at=1_790_000_000.25,
        gimbal_version="0.1.0",
        model_title="Toybox",
        libraries={"torch": "2.13.0"},
        facts={"seconds": 1.5, "device": "cpu", "peak_bytes": 123, "cached": False, "rung": None},
        media=media,
    )


def embedded(data: bytes) -> dict[str, bytes]:
    return {hashlib.sha256(data).hexdigest(): data}


def psnr(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """Peak signal-to-noise ratio in dB."""
    assert a.shape == b.shape
    error = float(np.mean((a.astype(np.float64) - b.astype(np.float64)) ** 2))
    return 10 * float(np.log10(255**2 / max(error, 1e-9)))


@dataclass(frozen=True)
class Seen:
    """What FFmpeg's program tells of a file."""

    text: str
    pixels: NDArray[np.uint8]

    @property
    def fps(self) -> float:
        found = re.search(r"([\d.]+) fps", self.text)
        assert found is not None, self.text
        return float(found[1])


def ffmpeg(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    program = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-nostdin", "-y", *arguments]
    return subprocess.run(program, capture_output=True, check=True, timeout=120)


def seen(path: Path) -> Seen:
    """Decode every frame of a file with FFmpeg's own program, as RGB."""
    how = ("-fps_mode", "passthrough", "-sws_flags", "bicubic+full_chroma_int+full_chroma_inp+accurate_rnd")
    done = ffmpeg("-i", str(path), *how, "-f", "rawvideo", "-pix_fmt", "rgb24", "-")
    text = done.stderr.decode(errors="replace")
    size = re.search(r"Video: .*?, ([1-9]\d*)x(\d+)[ ,]", text)
    assert size is not None, text
    width, height = int(size[1]), int(size[2])
    return Seen(text, np.frombuffer(done.stdout, np.uint8).reshape(-1, height, width, 3))


def close_and_in_order(read: NDArray[np.uint8], truth: NDArray[np.uint8], least_db: float) -> None:
    """Assert that pixels are right, by a bound that swapped channels, mirrored sides or another order would miss."""
    assert psnr(read, truth) > least_db
    order = (read[::-1], np.roll(read, 1, axis=0)) if len(read) > 1 else ()
    for wrong in (read[..., ::-1], read[:, ::-1], read[:, :, ::-1], *order):
        assert psnr(wrong, truth) < least_db
