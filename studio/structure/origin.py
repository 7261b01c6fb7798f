"""Where a control clip, a mask or a conformed source came from: told in the file's own tags, which go with it."""

from __future__ import annotations

import dataclasses
import json
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.domain.errors import MediaError
from pipelines.domain.frames import Frames
from studio.media.encode import Picture, encode_video, frame_rate
from studio.media.master import MASTER
from studio.media.open_clip import opened
from studio.media.sniff import CLIPS, media_container

if TYPE_CHECKING:
    from projects_db.records import MediaRow
    from studio.library import Library

TAG = "gimbal-structure"
MAX_CHARS = 20_000

CODEC = dataclasses.replace(MASTER, options={**MASTER.options, "crf": "6"})
"""The master clip's with more bits: lines and flat depth show what a coder leaves out."""


@dataclass(frozen=True, kw_only=True)
class Origin:
    """How a medium was made. what: the wish's name. control: its kind, "" for none. estimator: what read it off.

    source: the content hash it was made of. details: the rest of the wish.
    """

    what: str
    control: str = ""
    estimator: str = ""
    source: str = ""
    details: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return dataclasses.asdict(self)


def write(
    path: Path, pictures: Iterable[Picture], fps: float, origin: Origin, tags: Mapping[str, str] | None = None
) -> int:
    """Write pictures (H, W, 3) as a clip that tells its origin; returns how many. Raises OSError."""
    text = json.dumps(origin.as_dict(), sort_keys=True)
    if len(text) > MAX_CHARS:
        text = json.dumps(dataclasses.replace(origin, details={}).as_dict(), sort_keys=True)
    told = {TAG: text, **(tags or {})}
    return encode_video(path, pictures, frame_rate(fps), CODEC, told)


def origin_of(path: Path) -> Origin | None:
    """What a file tells of how it was made; None where it was not made here. Raises MediaError."""
    kind = media_container(path)
    if kind not in CLIPS:
        return None
    with opened(path, kind) as container:
        text = next((value for key, value in container.metadata.items() if key.lower() == TAG), "")
    try:
        told = json.loads(text[:MAX_CHARS])
        return Origin(**{name: kind(told[name]) for name, kind in _FIELDS.items()})
    except (ValueError, TypeError, KeyError):
        return None


_FIELDS: dict[str, Any] = {"what": str, "control": str, "estimator": str, "source": str, "details": dict}


def keep(library: Library, frames: Frames, name: str, origin: Origin | None = None) -> MediaRow:
    """Keep frames as a clip of the library, equal ones once. Raises StorageError, NoSpace."""
    with tempfile.TemporaryDirectory(prefix="gimbal-structure-") as folder:
        path = Path(folder) / "clip.mp4"
        write(path, frames.pixels, frames.fps, origin or Origin(what="given"))
        return library.add_media(path, name)


def told(paths: Iterable[Path]) -> str:
    """Which estimators made these files, in one line such as `depth by toybox-depth`; empty where none did."""
    found = []
    for path in paths:
        try:
            origin = origin_of(path)
        except MediaError:
            continue
        if origin is not None and origin.estimator:
            found.append(f"{origin.control or 'mask'} by {origin.estimator}")
    return ", ".join(dict.fromkeys(found))
