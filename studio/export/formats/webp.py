"""Animated WebP: a moving picture in full colour. The record stands in its EXIF description."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from studio.export.pictures import ExportFormat, OnCount, Pictures
from studio.media.tags import EXIF_IMAGE_DESCRIPTION


def durations(count: int, rate: Fraction) -> list[int]:
    """Whole milliseconds per picture whose running sum never strays from the rate by more than half of one."""
    ends = [round(i * 1000 / rate) for i in range(count + 1)]
    return [b - a for a, b in zip(ends, ends[1:], strict=False)]


def _write(path: Path, pictures: Pictures, record: str | None, on_count: OnCount) -> None:
    from PIL import Image

    images = []
    for count, picture in enumerate(pictures, start=1):
        images.append(Image.fromarray(picture))
        on_count(count)
    exif = Image.Exif()
    if record is not None:
        exif[EXIF_IMAGE_DESCRIPTION] = record
    images[0].save(
        path,
        format="WEBP",
        save_all=True,
        append_images=images[1:],
        duration=durations(len(images), pictures.rate),
        loop=0,
        quality=88,
        method=4,
        exif=exif.tobytes(),
    )


FORMAT = ExportFormat(
    id="webp",
    title="Animated WebP",
    suffix=".webp",
    note="A moving picture in full colour; loops. Equal neighbours are stored as one longer picture.",
    max_fps=90,  # browsers slow down pictures of 10 ms and less
    even_sides=False,
    write=_write,
)
