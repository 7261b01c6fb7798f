"""A ball that rolls over a textured ground, as files of many kinds."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from studio.structure.origin import Origin, write

WIDTH, HEIGHT = 96, 64
Clip = NDArray[np.uint8]


def rolling(num_frames: int = 12, width: int = WIDTH, height: int = HEIGHT) -> Clip:
    """Frames (T, H, W, 3): a red ball rolls to the right, 3 pixels a frame, over a green and grey weave."""
    return np.stack([_frame(number, width, height) for number in range(num_frames)])


def where(number: int, width: int = WIDTH, height: int = HEIGHT) -> NDArray[np.bool_]:
    """Where the ball is at a frame, (H, W)."""
    rows, columns = np.mgrid[:height, :width]
    return np.asarray((columns - 24 - 3 * number) ** 2 + (rows - height // 2) ** 2 < (height // 5) ** 2)


def _frame(number: int, width: int, height: int) -> Clip:
    rows, columns = np.mgrid[:height, :width]
    weave = 90 + 40 * np.sin(columns / 5.0) * np.cos(rows / 4.0)
    ground = np.stack([weave * 0.6, weave, weave * 0.8], axis=-1)
    return np.where(where(number, width, height)[..., None], (210, 50, 40), ground).astype(np.uint8)


def clip_file(folder: Path, frames: Clip | None = None, fps: float = 12.0, name: str = "source.mp4") -> Path:
    """The frames as a file."""
    write(folder / name, rolling() if frames is None else frames, fps, Origin(what="given"))
    return folder / name


def uneven_file(folder: Path, times_ms: list[int]) -> Path:
    """A clip whose frames begin at these milliseconds; frame n is grey level 10 n."""
    path = folder / "uneven.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10, options={"crf": "1"})
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        stream.codec_context.time_base = stream.time_base = Fraction(1, 1000)
        for number, time in enumerate(times_ms):
            frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 10 * number, np.uint8), format="rgb24")
            frame.pts, frame.time_base = time, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path
