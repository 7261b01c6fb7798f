"""What an export format is, and the pictures it is given to write."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipelines.domain.frames import Frames
from studio.media.fitting import resized

OnCount = Callable[[int], None]


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """The pictures of an export in order: `indices` into `frames`, scaled to width x height, at `rate` per second."""

    frames: Frames
    indices: Sequence[int]
    width: int
    height: int
    rate: Fraction

    def __len__(self) -> int:
        return len(self.indices)

    @property
    def is_whole(self) -> bool:
        """Whether every frame is there once and in its order."""
        return list(self.indices) == list(range(len(self.frames)))

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        for index in self.indices:
            yield resized(self.frames.pixels[index], self.width, self.height)


Writer = Callable[[Path, Pictures, str | None, OnCount], None]


@dataclass(frozen=True, kw_only=True)
class ExportFormat:
    """One way to write a clip.

    id: what a person types. suffix: the file's ending, with its dot. note: what it is good for.
    write: (path, pictures, the record as JSON or None, called with the number of pictures written) -> None.
    max_fps: the fastest rate that players keep. min_side: pixels the encoder needs at least.
    even_sides: odd sizes grow by one pixel.
    max_record_bytes: a longer record travels without its media, and in full in a file beside.
    """

    id: str
    title: str
    suffix: str
    note: str
    write: Writer
    max_fps: float = 240.0
    min_side: int = 2
    even_sides: bool = True
    max_record_bytes: int | None = None
