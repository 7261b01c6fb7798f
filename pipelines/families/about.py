"""gimbal.json: what a checkpoint folder says about itself, beside its model_index.json or instead of it.

One JSON object. `version` (1) and `title` are required, everything else may be absent:

    title, summary, licence, weaknesses   text shown to a person
    examples             prompts that work well, best first
    vocabulary           lower-case words the model knows; absent = a language at large
    sizes                [[width, height], ...] it was trained for, the default first
    min_side, max_side, max_pixels        bounds of other sizes; absent: from `sizes`
    lengths, max_frames  offered num_frames, the default first, and the largest allowed
    fps, steps, guidance {"low": .., "high": .., "default": ..}; guidance 1 = no classifier-free guidance
    negative_prompt      whether it takes one
    shift                flow shift of the scheduler; absent: as the scheduler has it
    shift_terminal       its last noise level before zero, below 1; absent: where the shift leaves it
    max_sequence_length  text tokens after padding, as trained
    conditionings        kinds of `pipelines.domain.conditioning` it was trained for
    camera_limits        {"degrees": .., "metres": .., "source": ".."}: the fastest frame step of a camera it was shown

A folder without model_index.json changes the model of another folder and says so (see `pipelines.models.tuned`):

    base                 name of the folder beside it; all that is absent here is taken from there
    adapter              name of the LoRA in this folder, in safetensors

Anything unknown, mistyped or out of bounds is a BrokenCheckpoint that names the key.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipelines.domain.capabilities import CameraLimits, Range
from pipelines.domain.conditioning import PART_TYPES
from pipelines.domain.errors import BrokenCheckpoint
from pipelines.models.tuned import ABOUT as NAME
from pipelines.models.tuned import is_plain_name
from pipelines.models.weights import read_json

VERSION = 1


@dataclass(frozen=True, kw_only=True)
class About:
    """The content of a gimbal.json, and with its defaults what is assumed where there is none."""

    title: str
    summary: str = ""
    licence: str = "unknown"
    weaknesses: str = ""
    examples: tuple[str, ...] = ()
    vocabulary: frozenset[str] = field(default=frozenset(), repr=False)
    sizes: tuple[tuple[int, int], ...]
    min_side: int = 0
    max_side: int = 0
    max_pixels: int = 0
    lengths: tuple[int, ...]
    max_frames: int = 0
    fps: Range
    steps: Range
    guidance: Range
    negative_prompt: bool = True
    shift: float = 0.0
    shift_terminal: float | None = None
    max_sequence_length: int = 0
    conditionings: frozenset[str]
    camera_limits: CameraLimits | None = None
    base: str = ""
    adapter: str = ""


def read_about(folder: Path, defaults: Mapping[str, Any]) -> About:
    """The folder's gimbal.json over `defaults` (fields of About). Raises BrokenCheckpoint naming what is wrong."""
    path = folder / NAME
    if not path.is_file():
        return About(**defaults)
    raw = read_json(path)
    if raw.pop("version", None) != VERSION:
        raise BrokenCheckpoint(f"{path} is not of version {VERSION}.", "It may need a newer Gimbal.")
    if "title" not in raw:
        raise BrokenCheckpoint(f"{path} misses its title.", 'Add "title": "...".')
    own = {key: _value(path, key, value) for key, value in raw.items()}
    bounds = {"min_side", "max_side", "max_pixels"} if "sizes" in own else set()
    return About(**{**{key: value for key, value in defaults.items() if key not in bounds}, **own})


def _value(path: Path, key: str, value: Any) -> Any:
    if key not in _READERS:
        raise BrokenCheckpoint(f"{path} has a key {key!r} that this Gimbal does not know.", "Remove it.")
    try:
        return _READERS[key](value)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise BrokenCheckpoint(f"{path}: {key} does not fit ({error}).", "Correct it.") from None


def _text(limit: int) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if not isinstance(value, str) or len(value) > limit:
            raise ValueError(f"not a text of at most {limit} characters")
        return value

    return read


def _list(value: Any, limit: int) -> list[Any]:
    if not isinstance(value, list) or len(value) > limit:
        raise ValueError(f"not a list of at most {limit}")
    return value


def _some(value: Any, limit: int) -> list[Any]:
    if not _list(value, limit):
        raise ValueError("empty list")
    return _list(value, limit)


def _whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 2**31:
        raise ValueError(f"{value!r} is not a whole number above 0")
    return value


def _number(value: Any) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < math.inf:
        raise ValueError(f"{value!r} is not a number above 0")
    return float(value)


def _share(value: Any) -> float:
    if _number(value) >= 1:
        raise ValueError(f"{value!r} is not below 1")
    return float(value)


def _file(value: Any) -> str:
    if not is_plain_name(value):
        raise ValueError("not a plain name")
    return str(value)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{value!r} is neither true nor false")
    return value


def _range(step: float) -> Callable[[Any], Range]:
    def read(value: Any) -> Range:
        if not isinstance(value, dict) or value.keys() != {"low", "high", "default"}:
            raise ValueError("not an object of low, high and default")
        low, high, default = (_number(value[k]) for k in ("low", "high", "default"))
        if not low <= default <= high:
            raise ValueError("default is not between low and high")
        return Range(low=low, high=high, default=default, step=step)

    return read


def _sizes(value: Any) -> tuple[tuple[int, int], ...]:
    pairs = tuple((_whole(width), _whole(height)) for width, height in _some(value, 20))
    return tuple(dict.fromkeys(pairs))


def _kinds(value: Any) -> frozenset[str]:
    known = {t.kind for t in PART_TYPES}
    unknown = [kind for kind in _list(value, 50) if kind not in known]
    if unknown:
        raise ValueError(f"unknown kind {unknown[0]!r}")
    return frozenset(value)


def _limits(value: Any) -> CameraLimits:
    if not isinstance(value, dict) or value.keys() != {"degrees", "metres", "source"}:
        raise ValueError("not an object of degrees, metres and source")
    return CameraLimits(
        degrees=_number(value["degrees"]), metres=_number(value["metres"]), source=_text(200)(value["source"])
    )


def _texts(limit: int, chars: int) -> Callable[[Any], tuple[str, ...]]:
    return lambda value: tuple(_text(chars)(item) for item in _list(value, limit))


def _title(value: Any) -> str:
    if not _text(80)(value).strip():
        raise ValueError("empty")
    return _text(80)(value)


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "title": _title,
    "summary": _text(600),
    "licence": _text(80),
    "weaknesses": _text(1000),
    "examples": _texts(50, 4000),
    "vocabulary": lambda value: frozenset(word.lower() for word in _texts(20_000, 60)(value)),
    "sizes": _sizes,
    "min_side": _whole,
    "max_side": _whole,
    "max_pixels": _whole,
    "lengths": lambda value: tuple(_whole(length) for length in _some(value, 20)),
    "max_frames": _whole,
    "fps": _range(1.0),
    "steps": _range(1.0),
    "guidance": _range(0.1),
    "negative_prompt": _flag,
    "shift": _number,
    "shift_terminal": _share,
    "max_sequence_length": _whole,
    "conditionings": _kinds,
    "camera_limits": _limits,
    "base": _file,
    "adapter": _file,
}
