"""How each figure of the toybox benchmark is told: its name, its unit and what is promised."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipelines.toybox.bench.run import Compared


@dataclass(frozen=True, kw_only=True)
class Told:
    """How a figure is told: its name and unit, a factor, what is promised of the base model, and how it was taken."""

    name: str
    unit: str
    factor: float = 1.0
    limit: float | None = None
    least: float | None = None
    note: str = ""


def beside(figure: Compared, factor: float) -> dict[str, float]:
    """What a figure is held against, by name: only what is defined for it."""
    held = {
        "true renders": figure.true,
        "after the codec": figure.codec,
        "shuffled": figure.shuffled,
        "without": figure.without,
    }
    return {name: factor * value for name, value in held.items() if value is not None}


def _percent(name: str, least: float | None = None, note: str = "") -> Told:
    return Told(name=name, unit="%", factor=100.0, least=least, note=note)


def _rotation(route: str) -> Told:
    return Told(name=f"rotation error, {route}", unit="degrees/frame", limit=2.0, note="direct alignment, true depth")


def _translation(route: str) -> Told:
    return Told(name=f"translation error, {route}", unit="% of the path", factor=100.0, limit=5.0)


TELLS: Mapping[str, Told] = MappingProxyType({
    "text.together": _percent("text, all attributes together", 90.0),
    **{
        f"text.{name}": _percent(f"text, {name}", 95.0)
        for name in ("colour", "shape", "count", "ground", "sky", "motion", "relation", "camera", "action", "outfit")
    },
    "previz.rotation": _rotation("previz route"),
    "previz.translation": _translation("previz route"),
    "warp.rotation": _rotation("picture-warp route"),
    "warp.translation": _translation("picture-warp route"),
    "previz.abs_rel": Told(name="depth, AbsRel", unit="", limit=0.10, note="by the tiny depth estimator"),
    "previz.delta": _percent("depth, within a factor of 1.25"),
    "skeleton.pck": _percent("pose, PCK@0.1", 90.0, "by the tiny pose estimator"),
    "edges.edges": _percent("edges, F-score", note="within 1 pixel"),
    "first frame.first": Told(name="first frame, PSNR", unit="dB", least=28.0),
    "first and last frame.last": Told(name="last frame, PSNR", unit="dB"),
    "mask.outside": Told(name="unchanged outside the mask, PSNR", unit="dB"),
    "reference.identity": _percent("reference, colour and shape kept", note="words name the place and camera only"),
    "clips.flicker": Told(name="flicker", unit="grey levels"),
    "previz.warping": Told(name="warping error along the true flow, previz route", unit="grey levels"),
    "clips.frechet": Told(name="Frechet distance to true renders", unit="", note="16 main directions of the judge"),
    "codec.psnr": Told(name="the codec alone, PSNR", unit="dB", least=33.0),
})
"""Figures by their key in the results, and what is promised."""


def itself(value: float) -> float:
    """The error of a figure that is one."""
    return value


def missed(value: float) -> float:
    """The error of a share of what is right."""
    return 1.0 - value


def square_error(value: float) -> float:
    """The error of a PSNR in dB."""
    return float(10.0 ** (-value / 10.0))


ERRORS: Mapping[str, Callable[[float], float]] = MappingProxyType({
    "previz.rotation": itself,
    "warp.rotation": itself,
    "previz.abs_rel": itself,
    "skeleton.pck": missed,
    "edges.edges": missed,
    "first frame.first": square_error,
    "first and last frame.last": square_error,
    "mask.outside": square_error,
    "reference.identity": missed,
})
"""What grows when a control is not followed, by the figure that shows it."""
