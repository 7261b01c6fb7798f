"""Frames: the pixels of a clip in memory, between the model and the library."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.domain.sound import Sound


@dataclass(frozen=True, eq=False)
class Frames:
    """The pictures of one clip, and its sound where it has one.

    pixels: uint8 (T, H, W, 3), RGB, sRGB transfer; T >= 1.
    fps: frames per second, > 0 (a still picture keeps any rate).
    sound: what is heard from the first picture on; None = the clip is silent.
    """

    pixels: NDArray[np.uint8]
    fps: float
    sound: Sound | None = None

    def __post_init__(self) -> None:
        shape = self.pixels.shape
        if self.pixels.dtype != np.uint8 or len(shape) != 4 or shape[3] != 3 or min(shape) < 1:
            raise ValueError(f"frames are uint8 (T, H, W, 3) with T, H, W >= 1, not {self.pixels.dtype} {shape}")
        if not 0 < self.fps < float("inf"):
            raise ValueError(f"fps is positive and finite, not {self.fps}")

    def __len__(self) -> int:
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        return int(self.pixels.shape[2])

    @property
    def height(self) -> int:
        return int(self.pixels.shape[1])

    @property
    def seconds(self) -> float:
        return len(self) / self.fps

    def digest(self) -> str:
        """SHA-256 (64 hex digits) over shape and pixels: equal digests mean bit-identical frames, whatever is heard."""
        header = "x".join(map(str, self.pixels.shape)).encode()
        return hashlib.sha256(header + b"\n" + np.ascontiguousarray(self.pixels).tobytes()).hexdigest()
