"""The focal length of a clip: given, or found; and pixels that are not square, of clips squeezed to another shape."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pipelines.measure.bundle import Freedom, Reconstruction, Sightings, adjust
from pipelines.measure.models import SCALE, cost

FloatArray = NDArray[np.float64]

GUESSES = (0.65, 1.2)
"""Focal lengths to try where none is given, in widths of the picture: about 75 and 45 degrees across."""
SOURCE_ASPECTS = (16 / 9, 4 / 3, 1.0, 9 / 16)
"""Shapes in which clips are usually taken before they are squeezed."""
NEAR = 0.12
SQUEEZED = 0.05
BETTER = 0.97


@dataclass(frozen=True)
class Lens:
    """What is known of the lens. focal: fx, fy in working pixels; aspect: width by height of the picture."""

    focal: FloatArray
    aspect: float
    is_given: bool
    is_exact: bool


def known_lens(focal_pixels: float | tuple[float, float] | None, size: tuple[int, int], scale: float) -> list[Lens]:
    """Lenses to start from. focal_pixels: of the clip; a pair (fx, fy) is taken as it is. size: width, height."""
    aspect = size[0] / size[1]
    if focal_pixels is None:
        guesses = [np.full(2, guess * max(size) * scale) for guess in GUESSES]
        return [Lens(guess, aspect, False, False) for guess in guesses]
    focal = np.broadcast_to(np.asarray(focal_pixels, dtype=np.float64), (2,)) * scale
    return [Lens(focal, aspect, True, np.ndim(focal_pixels) == 1)]


def with_true_pixels(state: Reconstruction, seen: Sightings, lens: Lens, base: Freedom) -> Reconstruction:
    """The same reconstruction, or one with pixels that are not square where the clip clearly says so.

    Where they come out near the shape that a usual source squeezed to this picture would have, they take that shape.
    base: how the state was fitted.
    """
    if lens.is_exact:
        return state
    free = adjust(state, seen, replace(base, lens="fx" if lens.is_given else "both"), scale=SCALE)
    ratio = float(free.lens[0] / free.lens[1])
    if cost(free, seen) > BETTER * cost(state, seen) or abs(np.log(ratio)) < SQUEEZED:
        return state
    usual = [1.0, *(lens.aspect / source for source in SOURCE_ASPECTS)]
    nearest = min(usual, key=lambda one: abs(float(np.log(one / ratio))))
    if abs(np.log(nearest / ratio)) > NEAR:
        return free
    if abs(np.log(nearest)) < SQUEEZED:
        return state
    height = float(lens.focal[1] if lens.is_given else free.lens[1])
    snapped = adjust(replace(free, lens=np.array([nearest, 1.0]) * height), seen, base, scale=SCALE)
    return snapped if cost(snapped, seen) < 1.05 * cost(free, seen) else free
