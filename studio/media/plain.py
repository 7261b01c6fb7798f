"""A stranger's picture as one that every program shows alike: upright, opaque, sRGB, still, of a bounded size."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipelines.domain.frames import Frames
from studio.media.clips import read_frames
from studio.media.info import probe
from studio.media.pictures import picture_file, read_image
from studio.media.sniff import PICTURES

MAX_SIDE = 3072
"""Pixels of the longer side that are kept: more than any model makes, and quick to cut a part from."""


@dataclass(frozen=True, kw_only=True)
class Plain:
    """data: the file as PNG; None where the file itself is as plain. notes: what was done to it, in sentences."""

    data: bytes | None
    notes: tuple[str, ...] = ()


def plain(path: Path) -> Plain:
    """Make a picture plain; of a clip or an animation, its first frame. Raises MediaError."""
    info = probe(path)
    notes: list[str] = []
    if info.kind == "clip":
        notes.append(f"It moves ({info.num_frames} frames); its first frame was taken.")
    if info.has_alpha:
        notes.append("Its transparent parts now lie over grey.")
    if info.container in PICTURES and info.kind == "image":
        if _is_plain(path, info.container) and max(info.width, info.height) <= MAX_SIDE and not info.has_alpha:
            return Plain(data=None, notes=_small(info.width, info.height))
        frames = read_image(path)
        if info.rotation:
            notes.append("It was turned upright, as its camera noted.")
    else:
        frames = read_frames(path, max_frames=1)
    pixels = _bounded(frames, notes)
    return Plain(data=png(pixels), notes=(*notes, *_small(pixels.shape[1], pixels.shape[0])))


def png(pixels: NDArray[np.uint8]) -> bytes:
    """A picture (H, W, 3) as PNG; the same pixels give the same bytes."""
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG", compress_level=3)
    return out.getvalue()


def _is_plain(path: Path, kind: str) -> bool:
    """Whether every program reads the file alike: 8-bit RGB or grey, no profile, no orientation."""
    with picture_file(path, kind) as image:  # type: ignore[arg-type]
        orientation = image.getexif().get(0x0112, 1)
        return image.mode in ("RGB", "L") and orientation == 1 and not image.info.get("icc_profile")


def _bounded(frames: Frames, notes: list[str]) -> NDArray[np.uint8]:
    from PIL import Image

    longest = max(frames.width, frames.height)
    if longest <= MAX_SIDE:
        return np.asarray(frames.pixels[0])
    image = Image.fromarray(frames.pixels[0])
    image.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.LANCZOS, reducing_gap=3.0)
    notes.append(f"It has {frames.width} × {frames.height} pixels; {image.width} × {image.height} of them are kept.")
    return np.asarray(image)


def _small(width: int, height: int) -> tuple[str, ...]:
    return (f"It has only {width} × {height} pixels, so the clip starts soft.",) if min(width, height) < 32 else ()
