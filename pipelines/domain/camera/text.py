"""A camera path as JSON, version 1, and back.

{"version": 1, "loop": false, "speed": [[0, 0], [1, 1]], "keys": [{"time": 0, "position": [x, y, z],
"target": [x, y, z] | null, "quaternion": [w, x, y, z] | null, "roll_degrees": 0, "focal_mm": 28,
"easing": "constant", "tension": 0}, ...]}

Reading is strict: what is unknown, missing, mistyped, not finite or too much is an InvalidRequest. A key's `time` and
`position` must be there; the rest may be left out. Whether the path can be played is another question (`problems`),
so that an unfinished sketch can be kept.
"""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from pipelines.domain.camera.path import EASINGS, CameraKey, CameraPath
from pipelines.domain.camera.problems import MAX_KEYS, MAX_SPEED_POINTS
from pipelines.domain.errors import InvalidRequest, Problem

VERSION = 1
MAX_JSON_CHARS = 600_000
_LENGTHS = {"position": 3, "target": 3, "quaternion": 4}
_NUMBERS = ("time", "roll_degrees", "focal_mm", "tension")


def to_dict(path: CameraPath) -> dict[str, Any]:
    """The path as plain lists and numbers, for JSON."""
    keys = [dataclasses.asdict(key) for key in path.keys]
    return {"version": VERSION, "loop": path.loop, "speed": [list(point) for point in path.speed], "keys": keys}


def to_json(path: CameraPath) -> str:
    """One line of JSON with sorted keys: equal paths give equal text. Raises InvalidRequest on what is no number."""
    try:
        return json.dumps(to_dict(path), sort_keys=True, allow_nan=False)
    except ValueError:
        raise _refuse("The camera path holds something that is no number.") from None


def from_json(text: str) -> CameraPath:
    """Read a path back. Raises InvalidRequest."""
    if len(text) > MAX_JSON_CHARS:
        raise _refuse(f"The camera path is longer than {MAX_JSON_CHARS:,} characters.")
    try:
        raw = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _refuse(f"The camera path is not readable JSON ({error}).") from None
    return from_dict(raw)


def from_dict(raw: Any) -> CameraPath:
    """Read a path back from what `to_dict` or a JSON parser gave. Raises InvalidRequest."""
    if not isinstance(raw, dict):
        raise _refuse("The camera path is not a JSON object.")
    if raw.get("version") != VERSION or isinstance(raw["version"], bool):
        raise _refuse(f"The camera path has version {str(raw.get('version'))[:20]}; this Gimbal reads {VERSION}.")
    _only(raw, ("version", "loop", "speed", "keys"), "The camera path")
    keys, speed, loop = raw.get("keys"), raw.get("speed", [[0, 0], [1, 1]]), raw.get("loop", False)
    if not isinstance(keys, list) or len(keys) > MAX_KEYS:
        raise _refuse(f"The camera path has no list of at most {MAX_KEYS:,} keys.")
    if not isinstance(speed, list) or len(speed) > MAX_SPEED_POINTS:
        raise _refuse(f"The speed curve is not a list of at most {MAX_SPEED_POINTS} points.")
    if not isinstance(loop, bool):
        raise _refuse("The camera path's loop is neither true nor false.")
    points = [_numbers(point, 2, "A point of the speed curve") for point in speed]
    found = tuple(_key(key, f"Key {number} of the camera path") for number, key in enumerate(keys, 1))
    return CameraPath(keys=found, speed=tuple((time, progress) for time, progress in points), loop=loop)


def _key(raw: Any, what: str) -> CameraKey:
    if not isinstance(raw, dict):
        raise _refuse(f"{what} is not a JSON object.")
    _only(raw, [field.name for field in dataclasses.fields(CameraKey)], what)
    for name in ("time", "position"):
        if raw.get(name) is None:
            raise _refuse(f"{what} misses its {name}.")
    if raw.get("easing", "constant") not in tuple(EASINGS):
        raise _refuse(f"{what} has an unknown easing; known are {', '.join(EASINGS)}.")
    values = dict(raw)
    for name in raw.keys() & set(_NUMBERS):
        (values[name],) = _numbers([raw[name]], 1, f"{what}: its {name}")
    for name, length in _LENGTHS.items():
        if raw.get(name) is not None:
            values[name] = tuple(_numbers(raw[name], length, f"{what}: its {name}"))
    return CameraKey(**values)


def _only(raw: dict[str, Any], known: Any, what: str) -> None:
    for name in raw.keys() - set(known):
        raise _refuse(f"{what} has a field {str(name)[:40]!r} that this Gimbal does not know.")


def _numbers(raw: Any, length: int, what: str) -> list[float]:
    fits = isinstance(raw, list | tuple) and len(raw) == length and all(_is_number(value) for value in raw)
    if not fits:
        raise _refuse(f"{what} is not {'a number' if length == 1 else f'{length} numbers'}.")
    return [float(value) for value in raw]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300


def _refuse(message: str) -> InvalidRequest:
    hint = "It may be damaged, cut short or written by another program or a newer Gimbal."
    return InvalidRequest((Problem(field="camera", message=message, hint=hint),))
