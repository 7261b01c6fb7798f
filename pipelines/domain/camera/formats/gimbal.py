"""Our own JSON: a path as it is (see `pipelines.domain.camera.text`)."""

from __future__ import annotations

import json

from pipelines.domain.camera import text
from pipelines.domain.camera.fit import exact_path
from pipelines.domain.camera.formats.files import CameraFile, Encoded, Source, text_of
from pipelines.domain.camera.problems import require_sound
from pipelines.domain.camera.track import track_of

NAME = "gimbal"
TITLE = "Gimbal camera path (JSON)"
SUFFIXES = (".camera.json", ".gimbal.json")
_FRAMES = 121


def looks_like(head: str, name: str) -> bool:
    return head.lstrip().startswith("{") and '"keys"' in head and '"camera_path"' not in head


def decode(data: bytes, beside: bytes | None) -> CameraFile:
    path = text.from_json(text_of(data))
    require_sound(path)
    return CameraFile(form=NAME, track=track_of(path, _FRAMES), path=path)


def encode(source: Source) -> Encoded:
    notes: tuple[str, ...] = ()
    path = source.path
    if path is None:
        path, notes = exact_path(source.track)
    return Encoded(data=(json.dumps(text.to_dict(path), indent=1, allow_nan=False) + "\n").encode(), notes=notes)
