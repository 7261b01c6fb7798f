"""The part of a picture that a clip shows: whole between bars, covering the frame, or cut out by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pipelines.domain.frames import Frames
from studio.media.fitting import conform

Mode = Literal["fit", "fill", "crop"]
MAX_ZOOM = 20.0


@dataclass(frozen=True, kw_only=True)
class Framing:
    """How a picture is put into a frame of another shape.

    mode: "fit" shows all of it between black bars, "fill" covers the frame and cuts evenly, "crop" shows a part.
    x, y: the part's centre, 0..1 of the picture's width and height. zoom: 1 is the largest part, 2 half its sides.
    """

    mode: Mode = "fill"
    x: float = 0.5
    y: float = 0.5
    zoom: float = 1.0

    def box(self, columns: int, rows: int, width: int, height: int) -> tuple[float, float, float, float]:
        """(left, top, right, bottom) in a picture of columns x rows: the part with the shape of width x height.

        The same arithmetic as `partOf` in the window's framing.js, so that what is shown is what is sent.
        """
        x, y, zoom = (self.x, self.y, self.zoom) if self.mode == "crop" else (0.5, 0.5, 1.0)
        scale = min(columns / width, rows / height) / min(MAX_ZOOM, max(1.0, zoom))
        wide, high = width * scale, height * scale
        left = min(max(x * columns - wide / 2, 0.0), columns - wide)
        top = min(max(y * rows - high / 2, 0.0), rows - high)
        return left, top, left + wide, top + high


def framed(picture: NDArray[np.uint8], framing: Framing, width: int, height: int) -> NDArray[np.uint8]:
    """A picture (H, W, 3) as the frame (height, width, 3) shows it (Lanczos); itself where nothing is to be done."""
    from PIL import Image

    rows, columns = picture.shape[:2]
    if framing.mode == "fit":
        return np.asarray(conform(Frames(picture[None], 1.0), width, height, 1, 1.0, "fit").pixels[0])
    box = framing.box(columns, rows, width, height)
    if (columns, rows) == (width, height) and max(
        abs(a - b) for a, b in zip(box, (0, 0, columns, rows), strict=True)
    ) < 1e-6:
        return picture
    return np.asarray(Image.fromarray(picture).resize((width, height), Image.Resampling.LANCZOS, box=box))
