"""Control clips made elsewhere: do they follow the convention that models were trained on, and what would mend them?

The convention: depth grey with near bright (MiDaS); edges and scribble white on black; a skeleton in OpenPose's colours
on black. What cannot be told from the clip is said to be unsure rather than guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.conditioning.colour_maps import map_of, uncoloured
from pipelines.domain.conditioning import ControlKind

FixName = Literal["invert", "grey", "swap_colours", "threshold"]
Verdict = Literal["fine", "fixable", "wrong", "unsure"]
Clip = NDArray[np.uint8]

COLOURLESS = 12.0
"""Mean distance of the colour channels, in grey levels, up to which a clip counts as grey: codecs leave a few."""
DARK, LIGHT = 48, 200


@dataclass(frozen=True, kw_only=True)
class Convention:
    """What was found. message: for the person. fix: what one click would do, "" where nothing would help."""

    verdict: Verdict
    message: str
    fix: Literal["", "invert", "grey", "swap_colours", "threshold"] = ""


def check(clip: Clip, control: ControlKind) -> Convention:
    """Whether frames uint8 (T, H, W, 3) follow the convention of a control."""
    look = _CHECKS.get(control)
    return Convention(verdict="fine", message="It is taken as it is.") if look is None else look(_few(clip))


def mender(sample: Clip, fix: FixName) -> Callable[[Clip], Clip]:
    """What mends frames (T, H, W, 3) of a clip in one way; sample: some frames of it, to tell what they all are."""
    if fix == "grey":
        colours = map_of(sample)
        return lambda frames: uncoloured(frames, colours)
    return _MENDERS[fix]


def looks_like(clip: Clip, control: ControlKind) -> bool:
    """Whether frames are such a control clip already, in the convention or not, rather than a source to read."""
    few = _few(clip)
    dark, light = float((few.max(axis=-1) < DARK).mean()), float((few.min(axis=-1) > LIGHT).mean())
    if control in ("edges", "scribble"):
        return _colour(few) < COLOURLESS and max(dark, light) > 0.6 and dark + light > 0.85
    if control == "pose":
        return dark > 0.7 and 1e-4 < float((_saturation(few) > 150).mean()) < 0.3
    if control == "depth":
        return _colour(few) < COLOURLESS / 2 and _smoothness(few) > 0.9 and dark + light < 0.995
    return False


def _few(clip: Clip) -> Clip:
    """At most 9 frames, at most 256 pixels a side: enough to judge by."""
    picked = clip[np.linspace(0, len(clip) - 1, min(9, len(clip))).astype(int)]
    scale = 256.0 / max(picked.shape[1:3])
    if scale >= 1.0:
        return picked
    size = (max(8, round(picked.shape[2] * scale)), max(8, round(picked.shape[1] * scale)))
    return np.stack([cv2.resize(frame, size, interpolation=cv2.INTER_AREA) for frame in picked]).astype(np.uint8)


def _colour(clip: Clip) -> float:
    values = clip.astype(np.int16)
    return float((values.max(axis=-1) - values.min(axis=-1)).mean())


def _hsv(clip: Clip) -> NDArray[np.float32]:
    """Hue in degrees, saturation and value in 0..255: (T, H, W, 3)."""
    made = np.stack([cv2.cvtColor(np.ascontiguousarray(frame), cv2.COLOR_RGB2HSV) for frame in clip]).astype(np.float32)
    made[..., 0] *= 2.0
    return made


def _saturation(clip: Clip) -> NDArray[np.float32]:
    """How colourful and bright pixels are at once, 0..255: (T, H, W)."""
    hsv = _hsv(clip)
    return hsv[..., 1] * (hsv[..., 2] > 60)


def _smoothness(clip: Clip) -> float:
    """The share of pixels without fine texture: photographs have it nearly everywhere, depth at outlines only."""
    rough = [np.abs(cv2.Laplacian(np.ascontiguousarray(frame[..., 1]), cv2.CV_32F)) for frame in clip]
    return float((np.stack(rough) < 8.0).mean())


def _depth(clip: Clip) -> Convention:
    if float(np.ptp(clip.mean(axis=-1))) < 8.0:
        return Convention(verdict="wrong", message="It is one plain grey: it holds no depth.")
    if _colour(clip) > COLOURLESS:
        message = "It is coloured, but depth is grey: blue or violet is taken for far, red, yellow or white for near."
        return Convention(verdict="fixable", message=message, fix="grey")
    grey = clip.mean(axis=-1)
    rows = grey.mean(axis=(0, 2))
    third = max(1, len(rows) // 3)
    lean = float(rows[-third:].mean() - rows[:third].mean())
    if lean < -20.0:
        message = "Its lower part is darker than its upper one, as where near is dark; models expect near bright."
        return Convention(verdict="fixable", message=message, fix="invert")
    if lean > 20.0:
        return Convention(verdict="fine", message="Near is bright, as models expect.")
    message = "Whether near is bright cannot be told from it. If near things look dark, invert it."
    return Convention(verdict="unsure", message=message, fix="invert")


def _lines(clip: Clip) -> Convention:
    if _colour(clip) > COLOURLESS:
        message = "Its lines are coloured; models expect white ones on black."
        return Convention(verdict="fixable", message=message, fix="threshold")
    light = float((clip.mean(axis=-1) > 127).mean())
    if light > 0.5:
        message = "Its lines are dark on white; models expect white ones on black."
        return Convention(verdict="fixable", message=message, fix="invert")
    if light < 1e-4:
        return Convention(verdict="wrong", message="It is black nearly everywhere: it holds no lines.")
    return Convention(verdict="fine", message="White lines on black, as models expect.")


def _skeleton(clip: Clip) -> Convention:
    hsv = _hsv(clip)
    drawn = hsv[..., 2] > 60
    if float(drawn.mean()) > 0.5:
        dark = float((clip.max(axis=-1) < DARK).mean())
        message = "It is not drawn on black"
        if float((clip.min(axis=-1) > LIGHT).mean()) > 0.5:
            return Convention(verdict="wrong", message=f"{message} but on white.")
        return Convention(verdict="wrong", message=f"{message}: only {dark:.0%} of it is. Is it the source itself?")
    if float(drawn.mean()) < 1e-4:
        return Convention(verdict="wrong", message="It is black nearly everywhere: it holds no skeleton.")
    bright = drawn & (hsv[..., 1] > 120)
    if float(bright.sum()) < 0.3 * float(drawn.sum()) or len(_hues(hsv[..., 0][bright])) < 5:
        message = "Its sticks have one or few colours, so that a model cannot tell left from right or arm from leg."
        return Convention(verdict="wrong", message=f"{message} Extract the pose from the source instead.")
    return _order_of_colours(hsv, bright)


def _hues(hues: NDArray[np.float32]) -> list[int]:
    """The sixteenths of the colour wheel that hold at least a fiftieth of the pixels."""
    counts = np.histogram(hues, bins=16, range=(0.0, 360.0))[0]
    return [place for place, count in enumerate(counts) if count >= 0.02 * len(hues)]


def _order_of_colours(hsv: NDArray[np.float32], bright: NDArray[np.bool_]) -> Convention:
    """In OpenPose's colours pink and violet faces stand above cyan and blue legs; with red and blue swapped, not."""
    rows = np.broadcast_to(np.arange(hsv.shape[1])[None, :, None], bright.shape)

    def height(low: float, high: float) -> float | None:
        chosen = bright & (hsv[..., 0] >= low) & (hsv[..., 0] < high)
        return float(rows[chosen].mean()) if chosen.sum() >= 4 else None

    arms, legs = height(25, 100), height(140, 215)
    if arms is None or legs is None:
        message = "Its colours could not be compared with OpenPose's: too little of the body is seen."
        return Convention(verdict="unsure", message=message)
    if legs >= arms:
        return Convention(verdict="fine", message="OpenPose's colours on black, as models expect.")
    message = "Its colours run the other way, as where red and blue are swapped."
    return Convention(verdict="fixable", message=message, fix="swap_colours")


_CHECKS: Mapping[ControlKind, Callable[[Clip], Convention]] = MappingProxyType(
    {"depth": _depth, "edges": _lines, "scribble": _lines, "pose": _skeleton}
)
_MENDERS: Mapping[FixName, Callable[[Clip], Clip]] = MappingProxyType(
    {
        "invert": lambda frames: np.asarray(255 - frames, np.uint8),
        "swap_colours": lambda frames: np.ascontiguousarray(frames[..., ::-1]),
        "threshold": lambda frames: (frames.max(axis=-1, keepdims=True) > 127).repeat(3, axis=-1) * np.uint8(255),
    }
)
