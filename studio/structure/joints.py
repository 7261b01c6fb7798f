"""The joints behind a pose control clip: kept in the file's own tags, and as poses by name that a person can edit."""

from __future__ import annotations

import base64
import json
import math
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.conditioning.figure import FigureKey
from pipelines.conditioning.people import BODY_NAMES, NAMES
from pipelines.domain.errors import InvalidRequest, MediaError, Problem
from studio.media.atomic import write_bytes
from studio.media.open_clip import opened
from studio.media.sniff import CLIPS, media_container

TAG = "gimbal-joints"
PER_PIXEL, MOST_PIXELS = 8, 4095
MOST_CHARS, MOST_VALUES, MOST_BYTES = 4 << 20, 8 << 20, 32 << 20
Joints = NDArray[np.float32]


def as_tag(joints: Joints) -> str:
    """Skeletons (T, people, J, 3) in pixels as the text of a tag: eighths of pixels and 255ths of confidence."""
    places = np.rint(np.nan_to_num(joints[..., :2]).clip(-MOST_PIXELS, MOST_PIXELS) * PER_PIXEL).astype("<i2")
    sure = np.rint(joints[..., 2].clip(0.0, 1.0) * 255).astype(np.uint8)
    packed = zlib.compress(places.tobytes() + sure.tobytes(), 9)
    told = {"names": _names(joints.shape[2]), "shape": joints.shape[:3], "data": base64.b64encode(packed).decode()}
    return json.dumps(told)


def joints_of(path: Path) -> Joints | None:
    """The skeletons (T, people, J, 3) that a control clip was drawn from; None where it does not tell.

    Raises MediaError where the file cannot be read.
    """
    kind = media_container(path)
    if kind not in CLIPS:
        return None
    with opened(path, kind) as container:
        text = next((value for key, value in container.metadata.items() if key.lower() == TAG), "")
    try:
        return _unpacked(json.loads(text[:MOST_CHARS]))
    except (ValueError, TypeError, KeyError, zlib.error):
        return None


def _unpacked(told: Mapping[str, Any]) -> Joints | None:
    shape = tuple(int(side) for side in told["shape"])
    count = math.prod(shape)
    if len(shape) != 3 or min(shape) < 1 or shape[2] not in (len(BODY_NAMES), len(NAMES)) or 5 * count > MOST_VALUES:
        return None
    data = zlib.decompressobj().decompress(base64.b64decode(told["data"]), 5 * count)
    places = np.frombuffer(data, "<i2", 2 * count).reshape(*shape, 2).astype(np.float32) / PER_PIXEL
    sure = np.frombuffer(data, np.uint8, count, 4 * count).reshape(*shape, 1).astype(np.float32) / 255
    return np.concatenate([np.where(sure > 0, places, np.float32(np.nan)), sure], axis=-1)


def _names(count: int) -> list[str]:
    return list(NAMES[:count])


def as_poses(joints: Joints, size: tuple[int, int]) -> dict[str, Any]:
    """Skeletons in pixels of a clip of `size` (width, height) as plain values: for each person, their joints by name.

    Places are shares of the frame's width and height; joints that are not seen are left out.
    """
    shares = (joints[..., :2] / np.array(size)).round(5)
    names = _names(joints.shape[2])
    seen = joints[..., 2] > 0
    return {"people": [
        [{"frame": frame, "joints": {name: shares[frame, person, place].tolist() for place, name in enumerate(names)
                                     if seen[frame, person, place]}}
         for frame in range(len(joints)) if seen[frame, person].any()]
        for person in range(joints.shape[1])
    ]}  # fmt: skip


def write_poses(target: Path, joints: Joints, size: tuple[int, int]) -> None:
    """Write skeletons by name, as `as_poses` has them. Raises StorageError, NoSpace."""
    write_bytes(target, json.dumps(as_poses(joints, size), indent=1).encode())


def poses_in(path: Path) -> tuple[tuple[FigureKey, ...], ...]:
    """The key poses of each person in a JSON file. Raises InvalidRequest, MediaError."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise MediaError(f"{path.name} is too large for a file of poses.", "Keep a few key poses of a few people.")
        raw = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise MediaError(f"{path.name} cannot be read ({str(error)[:100]}).", "Choose a JSON file of poses.") from None
    return poses_from(raw)


def poses_from(raw: Any) -> tuple[tuple[FigureKey, ...], ...]:
    """The key poses of each person from plain values as `as_poses` gives them. Raises InvalidRequest."""
    people = raw.get("people") if isinstance(raw, dict) else None
    try:
        if not isinstance(people, list) or not people:
            raise ValueError("it holds no people")
        return tuple(tuple(_key(key) for key in keys) for keys in people)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        message = f"The poses make no sense: {str(error)[:100]}."
        hint = 'Write {"people": [[{"frame": 0, "joints": {"nose": [0.5, 0.2], …}}]]}, places in shares of the frame.'
        raise InvalidRequest((Problem(field="control_clip", message=message, hint=hint),)) from None


def _key(raw: Mapping[str, Any]) -> FigureKey:
    told: Mapping[str, Sequence[float]] = raw["joints"]
    for name in told:
        if name not in NAMES:
            raise ValueError(f"no joint is called {name[:30]!r}")
    names = NAMES if any(name not in BODY_NAMES for name in told) else BODY_NAMES
    return FigureKey(
        frame=int(raw["frame"]), joints=tuple(_place(told[name]) if name in told else None for name in names)
    )


def _place(value: Sequence[float]) -> tuple[float, float]:
    x, y = (float(part) for part in value)
    if not (math.isfinite(x) and math.isfinite(y)):
        raise ValueError("a joint has no place")
    return x, y
