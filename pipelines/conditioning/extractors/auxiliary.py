"""controlnet-aux, where it is installed: those of its detectors that need no download.

It imports torchvision, whose common build is for CUDA and does not load beside a CPU build of torch: its operators are
missing. They are not needed here, so that they are declared by name alone, and then the rest of it loads.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import warnings
from typing import Any

_SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
SMALLEST = 64
"""Pixels a side that its detectors work at in steps of: below half of it nothing is left."""
_MISSING = "operator torchvision::nms does not exist"


def why_not() -> str:
    """Why it cannot be used here, looked up without importing it; empty where it may be."""
    missing = [name for name in ("controlnet_aux", "torchvision") if importlib.util.find_spec(name) is None]
    return f"{' and '.join(missing)} is not installed (pip install gimbal[control])." if missing else ""


@functools.cache
def detector(name: str) -> Any:
    """One of its detectors that need no weights, ready to be called with a picture uint8 (H, W, 3). See `imported`."""
    return getattr(imported(), name)()


def imported(part: str = "") -> Any:
    """The package, or a part of it such as `hed`. Imports torch. Raises ImportError."""
    if why_not():
        raise ImportError(why_not())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _import_torchvision()
        return importlib.import_module(f"controlnet_aux.{part}".rstrip("."))


def _import_torchvision() -> None:
    try:
        importlib.import_module("torchvision")
    except RuntimeError as error:
        if _MISSING not in str(error):
            raise ImportError(str(error)) from error
        import torch

        library = torch.library.Library("torchvision", "DEF")
        for schema in _SCHEMAS:
            library.define(schema)
        _keep(library)
        importlib.import_module("torchvision")


@functools.cache
def _keep(library: Any) -> Any:
    """A declaration lives as long as its library: this one as long as the process."""
    return library
