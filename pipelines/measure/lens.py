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
class Shape:
    """One way in which a source became this clip: its name, and fx, fy in pixels of the clip."""

    name: str
    focal: tuple[float, float]


FocalPixels = float | tuple[float, float] | tuple[Shape, ...] | None
"""A focal length, fx and fy, several possible pairs, or None where nothing is known."""


@dataclass(frozen=True)
class Lens:
    """What is known of the lens. focal: fx, fy in working pixels; aspect: width by height of the picture.

    shapes: all that it may be, where that is known; `focal` is then the first. names: how they are called.
    """

    focal: FloatArray
    aspect: float
    is_given: bool
    is_exact: bool
    shapes: tuple[FloatArray, ...] = ()
    names: tuple[str, ...] = ()

    def source(self, found: FloatArray) -> str:
        """Where the focal lengths found come from, in words."""
        if not self.is_given:
            return "estimated"
        for name, shape in zip(self.names, self.shapes, strict=True):
            if np.allclose(found, shape):
                return f"given, {name}"
        return "given" if np.allclose(found, self.focal) else "given, width estimated"


def shapes_of(focal_y: float, source_aspect: float, size: tuple[int, int]) -> tuple[Shape, ...]:
    """How a source of another shape may have become pictures of `size` (width, height).

    focal_y: of the source, in heights of its picture. Squeezed keeps the whole source, cropped keeps square pixels.
    """
    width, height = size
    squeezed = (focal_y / source_aspect * width, focal_y * height)
    cropped = focal_y * max(height, width / source_aspect)
    return Shape("squeezed", squeezed), Shape("cropped", (cropped, cropped))


def known_lens(focal_pixels: FocalPixels, size: tuple[int, int], scale: float) -> list[Lens]:
    """Lenses to start from. focal_pixels: of the clip; a pair (fx, fy) is taken as it is. size: width, height."""
    aspect = size[0] / size[1]
    if focal_pixels is None:
        guesses = [np.full(2, guess * max(size) * scale) for guess in GUESSES]
        return [Lens(guess, aspect, False, False) for guess in guesses]
    if isinstance(focal_pixels, tuple) and isinstance(focal_pixels[0], Shape):
        named = [shape for shape in focal_pixels if isinstance(shape, Shape)]
        shapes = tuple(np.array(shape.focal, dtype=np.float64) * scale for shape in named)
        return [Lens(shapes[0], aspect, True, False, shapes, tuple(shape.name for shape in named))]
    focal = np.broadcast_to(np.asarray(focal_pixels, dtype=np.float64), (2,)) * scale
    return [Lens(focal, aspect, True, np.ndim(np.asarray(focal_pixels)) == 1)]


def with_true_pixels(state: Reconstruction, seen: Sightings, lens: Lens, base: Freedom) -> Reconstruction:
    """The same reconstruction, or one with pixels that are not square where the clip clearly says so.

    Where they come out near the shape that a usual source squeezed to this picture would have, they take that shape.
    Of shapes that are known to be possible the one is taken that explains most. base: how the state was fitted.
    """
    if lens.is_exact:
        return state
    if lens.shapes:
        tried = [adjust(replace(state, lens=shape), seen, base, scale=SCALE) for shape in lens.shapes]
        return min(tried, key=lambda one: cost(one, seen))
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
