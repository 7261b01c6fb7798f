"""GenerationRequest: everything that decides the frames of one clip, and nothing else."""

from __future__ import annotations

import dataclasses
import json
import re
import typing
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from pipelines.domain.adapters import AdapterUse
from pipelines.domain.camera.path import CameraPath
from pipelines.domain.camera.text import from_dict, to_dict
from pipelines.domain.conditioning import PART_TYPES, Conditioning
from pipelines.domain.errors import InvalidRequest, Problem
from pipelines.domain.subject import SubjectUse

VERSION = 1
MAX_SEED = 2**32 - 1
MAX_JSON_CHARS = 800_000
_DIGEST = re.compile(r"[0-9a-f]{64}")
Shortcut = Literal["", "first_block", "mag", "attention", "words", "deep"]
SHORTCUTS: tuple[Shortcut, ...] = typing.get_args(Shortcut)
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class GenerationRequest:
    """One clip to make. `model` is a card's id; `seed` is 0..2**32-1 and chosen before the request exists.

    width, height: pixels. num_frames: frames. fps: frames per second. steps: denoising steps.
    guidance: classifier-free guidance scale (1 = off). camera: the move that was asked for; what the model is given of
    it stands in `conditioning`. subjects: the person's own subjects whose tokens stand in the prompt. adapters: LoRA
    put over the model. draft: made in less time by leaving out work that changes the frames a little. shortcut: how it
    is left out, "" = in the usual way (see `pipelines.models.drafts`).
    """

    model: str
    prompt: str
    negative_prompt: str = ""
    seed: int
    width: int
    height: int
    num_frames: int
    fps: float
    steps: int
    guidance: float
    conditioning: tuple[Conditioning, ...] = ()
    camera: CameraPath | None = None
    subjects: tuple[SubjectUse, ...] = ()
    adapters: tuple[AdapterUse, ...] = ()
    draft: bool = False
    shortcut: Shortcut = ""

    def __post_init__(self) -> None:
        for name in ("fps", "guidance"):  # 8 and 8.0 are one rate, and so must be their text
            object.__setattr__(self, name, float(getattr(self, name)))

    @property
    def media(self) -> tuple[str, ...]:
        """The content hashes this request needs, each once, in order."""
        return tuple(dict.fromkeys(part.media for part in self.conditioning))

    def with_seed(self, seed: int) -> GenerationRequest:
        """The same request with another seed."""
        return dataclasses.replace(self, seed=seed)

    def to_json(self) -> str:
        """One line of JSON with sorted keys: equal requests give equal text."""
        fields = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        fields["conditioning"] = [{"kind": c.kind, **dataclasses.asdict(c)} for c in self.conditioning]
        for later in (
            "camera",
            "subjects",
            "adapters",
            "draft",
            "shortcut",
        ):  # requests without keep the text they had before these
            del fields[later]
        if self.camera is not None:
            fields["camera"] = to_dict(self.camera)
        if self.subjects:
            fields["subjects"] = [dataclasses.asdict(use) for use in self.subjects]
        if self.adapters:
            fields["adapters"] = [dataclasses.asdict(use) for use in self.adapters]
        if self.draft:
            fields["draft"] = True
        if self.shortcut:
            fields["shortcut"] = self.shortcut
        return json.dumps({"version": VERSION, **fields}, sort_keys=True, allow_nan=False)

    @staticmethod
    def from_json(text: str) -> GenerationRequest:
        """Read a request back. Raises InvalidRequest on anything unknown, missing, mistyped or oversized."""
        if len(text) > MAX_JSON_CHARS:
            raise _refuse("request", "The request is longer than any request this studio writes.")
        try:
            raw = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise _refuse("request", f"The request is not readable JSON ({error}).") from None
        if not isinstance(raw, dict):
            raise _refuse("request", "The request is not a JSON object.")
        return _request_from(raw)


def _refuse(field: str, message: str) -> InvalidRequest:
    hint = "It may be damaged or written by another program or a newer Gimbal."
    return InvalidRequest((Problem(field=field, message=message, hint=hint),))


def _request_from(raw: dict[str, Any]) -> GenerationRequest:
    version = raw.pop("version", None)
    if version != VERSION:
        raise _refuse("version", f"The request has version {version!r}; this Gimbal reads version {VERSION}.")
    parts = raw.pop("conditioning", [])
    if not isinstance(parts, list) or len(parts) > 64:
        raise _refuse("conditioning", "The request's conditioning is not a list of at most 64 parts.")
    camera = from_dict(raw.pop("camera")) if "camera" in raw else None
    subjects = _uses_from("subjects", SubjectUse, raw.pop("subjects", []))
    adapters = _uses_from("adapters", AdapterUse, raw.pop("adapters", []))
    values = _checked(GenerationRequest, raw, skip=("conditioning", "camera", "subjects", "adapters"))
    conditioning = tuple(_part_from(p) for p in parts)
    return GenerationRequest(conditioning=conditioning, camera=camera, subjects=subjects, adapters=adapters, **values)


def _uses_from(name: str, cls: type[T], raw: Any) -> tuple[T, ...]:
    if not isinstance(raw, list) or len(raw) > 64 or not all(isinstance(use, dict) for use in raw):
        raise _refuse(name, f"The request's {name} are not a list of at most 64 parts.")
    return tuple(cls(**_checked(cls, use)) for use in raw)


def _part_from(raw: Any) -> Conditioning:
    by_kind = {t.kind: t for t in PART_TYPES}
    kind = raw.get("kind") if isinstance(raw, dict) else None
    if not isinstance(kind, str) or kind not in by_kind:
        raise _refuse("conditioning", f"The request has a conditioning of unknown kind {kind!r}.")
    values = _checked(by_kind[kind], {k: v for k, v in raw.items() if k != "kind"})
    if not _DIGEST.fullmatch(values["media"]):
        raise _refuse("conditioning", "A conditioning names its media by something that is no content hash.")
    return by_kind[kind](**values)


def _checked(cls: type, raw: dict[str, Any], skip: tuple[str, ...] = ()) -> dict[str, Any]:
    """The fields of dataclass `cls` from `raw`, each of its declared type; unknown or missing ones are errors."""
    hints = typing.get_type_hints(cls)
    fields = {f.name: f for f in dataclasses.fields(cls) if f.name not in skip}
    for name in raw.keys() - fields.keys():
        raise _refuse(name, f"The request has a field {name!r} that this Gimbal does not know.")
    values: dict[str, Any] = {}
    for name, field in fields.items():
        if name in raw:
            values[name] = _typed(name, raw[name], hints[name])
        elif field.default is dataclasses.MISSING:
            raise _refuse(name, f"The request misses its field {name!r}.")
    return values


def _typed(name: str, value: Any, hint: Any) -> Any:
    if typing.get_origin(hint) is typing.Literal:
        if value in typing.get_args(hint):
            return value
    elif hint is bool:
        if isinstance(value, bool):
            return value
    elif hint is float:
        if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300:
            return float(value)
    elif isinstance(value, hint) and not isinstance(value, bool):
        return value
    raise _refuse(name, f"The request's field {name!r} has the value {str(value)[:40]!r}, which does not fit.")
