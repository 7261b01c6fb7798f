"""Contact sheets of a benchmark: what was asked, what came out and what is true, one above the other."""

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from pipelines.toybox.bench.run import Example
from pipelines.toybox.judge import Clips

CELL, COLUMNS, LABEL, WORDS = 96, 5, 56, 15
QUALITY = 82


def sheet(examples: Sequence[Example]) -> bytes:
    """A JPEG of examples, each with its words above its rows of frames."""
    return strips([(example.words, _rows(example)) for example in examples])


def strips(blocks: Sequence[tuple[str, Sequence[tuple[str, Clips]]]]) -> bytes:
    """A JPEG of blocks: words, and below them clips (T, H, W, 3), each with its label."""
    height = sum(WORDS + CELL * len(rows) + 4 for _, rows in blocks)
    page = Image.new("RGB", (LABEL + CELL * COLUMNS, max(1, height)), "white")
    draw, top = ImageDraw.Draw(page), 0
    for words, rows in blocks:
        draw.text((3, top + 1), words, fill="black")
        top += WORDS
        for label, clip in rows:
            draw.text((3, top + CELL // 2 - 6), label, fill="#555555")
            for column, frame in enumerate(_picked(clip)):
                if frame is not None:
                    page.paste(_small(frame), (LABEL + column * CELL, top))
            top += CELL
        top += 4
    stream = io.BytesIO()
    page.save(stream, "JPEG", quality=QUALITY, optimize=True)
    return stream.getvalue()


def _rows(example: Example) -> list[tuple[str, Clips]]:
    rows = [("obtained", example.obtained), ("truth", example.truth)]
    return rows if example.asked is None else [("asked", example.asked), *rows]


def _picked(clip: Clips) -> list[Clips | None]:
    """Evenly chosen frames; one picture stands at the start, two stand at both ends."""
    if len(clip) == 1:
        return [clip[0]]
    if len(clip) == 2:
        return [clip[0], *[None] * (COLUMNS - 2), clip[1]]
    return [clip[place] for place in np.rint(np.linspace(0, len(clip) - 1, COLUMNS)).astype(int)]


def _small(frame: Clips) -> Image.Image:
    return Image.fromarray(frame).resize((CELL, CELL), Image.Resampling.LANCZOS)
