"""The record that travels inside a clip: the request, what made it, and how to check it.

As text it is one line of ASCII JSON, read back strictly: the file it comes from may be anyone's.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pipelines.domain.errors import InvalidRequest, MediaError
from pipelines.domain.request import GenerationRequest
from studio.media.limits import MAX_EMBEDDED_BYTES, MAX_RECORD_CHARS

VERSION = 1
TAG = "gimbal"
Fact = str | int | float | bool | None
_DIGEST = re.compile(r"[0-9a-f]{64}")
_FIELDS: dict[str, type] = {
    "request": dict,
    "frames_sha256": str,
    "clip_id": str,
    "created_at": float,
    "gimbal_version": str,
    "model_title": str,
    "libraries": dict,
    "facts": dict,
    "media": dict,
    "applied": dict,
}


@dataclass(frozen=True, kw_only=True)
class ClipRecord:
    """Everything a clip tells about itself.

    frames_sha256: `Frames.digest()` of the frames before any encoding, so that a repeat can be compared.
    created_at: seconds since the epoch, UTC. libraries: name -> version. facts: how it was made (seconds, device).
    media: content hash -> bytes of small pictures the request names (together <= MAX_EMBEDDED_BYTES).
    applied: what an export did (format, start, end, loop, repeats, size, fps); empty for the master clip.
    """

    request: GenerationRequest
    frames_sha256: str
    clip_id: str = ""
    created_at: float = 0.0
    gimbal_version: str = ""
    model_title: str = ""
    libraries: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, Fact] = field(default_factory=dict)
    media: Mapping[str, bytes] = field(default_factory=dict)
    applied: Mapping[str, Fact] = field(default_factory=dict)

    @property
    def is_master(self) -> bool:
        """Whether the file holds the frames as the model made them, not an export."""
        return not self.applied

    def to_json(self) -> str:
        """One line of ASCII JSON with sorted keys. Raises MediaError where it is larger than what is read back."""
        if sum(map(len, self.media.values())) > MAX_EMBEDDED_BYTES:
            raise MediaError("The media of this clip are too large to travel inside it.", "Embed fewer of them.")
        raw = {name: getattr(self, name) for name in _FIELDS} | {
            "gimbal": VERSION,
            "request": json.loads(self.request.to_json()),
            "media": {k: base64.b64encode(v).decode("ascii") for k, v in self.media.items()},
        }
        text = json.dumps(_plain(raw), sort_keys=True, ensure_ascii=True, allow_nan=False)
        if len(text) > MAX_RECORD_CHARS:
            raise MediaError("The record of this clip is too long to travel inside it.", "Shorten its prompt.")
        return text

    @staticmethod
    def from_json(text: str) -> ClipRecord:
        """Read a record back. Raises MediaError on anything unknown, missing, mistyped, oversized or false."""
        if len(text) > MAX_RECORD_CHARS:
            raise _damaged("it is longer than any this studio writes")
        try:
            raw = json.loads(text, parse_constant=_no_constant)
            json.dumps(raw, ensure_ascii=False, allow_nan=False).encode()  # refuses half characters and 1e999
        except (ValueError, RecursionError) as error:
            raise _damaged(str(error)[:120]) from None
        if not isinstance(raw, dict) or raw.pop("gimbal", None) != VERSION:
            raise _damaged(f"it is no record of version {VERSION}")
        return _record_from(raw)


def embeddable(media: Mapping[str, bytes]) -> dict[str, bytes]:
    """Those media that fit into a record together, taken in their order."""
    kept: dict[str, bytes] = {}
    for digest, data in media.items():
        if sum(map(len, kept.values())) + len(data) <= MAX_EMBEDDED_BYTES:
            kept[digest] = data
    return kept


def _record_from(raw: dict[str, Any]) -> ClipRecord:
    if raw.keys() != _FIELDS.keys():
        raise _damaged(f"its fields are not the known ones ({', '.join(sorted(raw.keys() ^ _FIELDS.keys()))[:80]})")
    for name, kind in _FIELDS.items():
        raw[name] = _typed(name, raw[name], kind)
    if not _DIGEST.fullmatch(raw["frames_sha256"]):
        raise _damaged("its frames_sha256 is no content hash")
    for name in ("libraries", "facts", "applied"):
        _check_facts(name, raw[name])
    if not all(isinstance(v, str) for v in raw["libraries"].values()):
        raise _damaged("its libraries are not text")
    try:
        raw["request"] = GenerationRequest.from_json(json.dumps(raw["request"]))
    except InvalidRequest as error:
        raise MediaError(f"The record in this file holds no usable request: {error.message}", error.hint) from None
    except OverflowError:
        raise _damaged("its request has a number beyond all bounds") from None
    raw["media"] = _media_from(raw["media"], raw["request"])
    return ClipRecord(**raw)


def _typed(name: str, value: Any, kind: type) -> Any:
    if kind is float and isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e12:
        return float(value)
    if kind is str and isinstance(value, str) and len(value) <= 200:
        return value
    if kind is dict and isinstance(value, dict):
        return value
    raise _damaged(f"its field {name} does not fit")


def _check_facts(name: str, facts: dict[str, Any]) -> None:
    fits = all(len(k) <= 64 and isinstance(v, Fact) and len(str(v)) <= 2000 for k, v in facts.items())
    if len(facts) > 64 or not fits:
        raise _damaged(f"its {name} are not short plain values")


def _media_from(raw: dict[str, Any], request: GenerationRequest) -> dict[str, bytes]:
    if not raw.keys() <= set(request.media):
        raise _damaged("it carries media that its request does not name")
    try:
        media = {digest: base64.b64decode(data, validate=True) for digest, data in raw.items()}
    except (TypeError, ValueError, binascii.Error):
        raise _damaged("its media are not base64") from None
    if sum(map(len, media.values())) > MAX_EMBEDDED_BYTES:
        raise _damaged("its media are larger than any this studio writes")
    if any(hashlib.sha256(data).hexdigest() != digest for digest, data in media.items()):
        raise _damaged("its media do not match their content hashes")
    return media


def _plain(raw: dict[str, Any]) -> dict[str, Any]:
    return {k: dict(v) if isinstance(v, Mapping) else v for k, v in raw.items()}


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no number")


def _damaged(why: str) -> MediaError:
    hint = "The file may be damaged, or written by another program or a newer Gimbal."
    return MediaError(f"The record in this file cannot be read: {why}.", hint)
