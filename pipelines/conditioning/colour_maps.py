"""Depth that was painted with a colour map, back to grey: which map it was is found by trying those in use."""

from __future__ import annotations

import functools

import cv2
import numpy as np
from numpy.typing import NDArray

Clip = NDArray[np.uint8]

_OPENCV = (
    cv2.COLORMAP_TURBO, cv2.COLORMAP_JET, cv2.COLORMAP_INFERNO, cv2.COLORMAP_MAGMA, cv2.COLORMAP_PLASMA,
    cv2.COLORMAP_VIRIDIS, cv2.COLORMAP_HOT, cv2.COLORMAP_BONE,
)  # fmt: skip
_SPECTRAL = (
    (94, 79, 162), (50, 136, 189), (102, 194, 165), (171, 221, 164), (230, 245, 152), (255, 255, 191),
    (254, 224, 139), (253, 174, 97), (244, 109, 67), (213, 62, 79), (158, 1, 66),
)  # fmt: skip
"""ColorBrewer's, from blue to red, as Depth Anything's examples are painted."""
KNOWN_WITHIN = 24.0
"""Mean distance in RGB up to which a clip counts as painted with a map."""
_SAMPLES, _CHUNK = 4096, 1 << 15


@functools.cache
def maps() -> tuple[NDArray[np.float32], ...]:
    """The colour maps, each (256, 3) RGB from low to high."""
    ramp = np.arange(256, dtype=np.uint8)[:, None]
    known = [cv2.applyColorMap(ramp, number)[:, 0, ::-1].astype(np.float32) for number in _OPENCV]
    ends = np.array(_SPECTRAL, np.float32)
    at = np.linspace(0, 255, len(ends))
    spectral = np.stack([np.interp(np.arange(256), at, ends[:, channel]) for channel in range(3)], axis=1)
    return (*known, spectral.astype(np.float32))


def map_of(sample: Clip) -> NDArray[np.float32] | None:
    """The colour map that frames uint8 (T, H, W, 3) were painted with; None where none fits."""
    flat = sample.reshape(-1, 3)
    few = flat[:: max(1, len(flat) // _SAMPLES)].astype(np.float32)
    away = [float(_nearest(few, colours)[1].mean()) for colours in maps()]
    best = int(np.argmin(away))
    return maps()[best] if away[best] <= KNOWN_WITHIN else None


def uncoloured(clip: Clip, colours: NDArray[np.float32] | None) -> Clip:
    """Frames uint8 (T, H, W, 3) as grey frames: the place on the map, or luma without one."""
    if colours is None:
        grey = np.stack([cv2.cvtColor(np.ascontiguousarray(frame), cv2.COLOR_RGB2GRAY) for frame in clip])
    else:
        flat = clip.reshape(-1, 3)
        parts = (flat[start : start + _CHUNK].astype(np.float32) for start in range(0, len(flat), _CHUNK))
        grey = np.concatenate([_nearest(part, colours)[0] for part in parts]).reshape(clip.shape[:3])
    return np.repeat(grey.astype(np.uint8)[..., None], 3, axis=-1)


def _nearest(pixels: NDArray[np.float32], colours: NDArray[np.float32]) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """For pixels (N, 3) the nearest place of a map, and how far away it is."""
    square = (colours**2).sum(axis=1) - 2.0 * pixels @ colours.T
    place = square.argmin(axis=1)
    distance = np.sqrt((square[np.arange(len(place)), place] + (pixels**2).sum(axis=1)).clip(0.0))
    return place, distance.astype(np.float32)
