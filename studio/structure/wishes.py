"""What can be wished of the bench: small frozen values, as JSON and back."""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from pipelines.conditioning.convention import FixName
from pipelines.conditioning.figure import FigureKey
from pipelines.domain.conditioning import ControlKind
from pipelines.domain.errors import InvalidRequest, Problem
from studio.structure.conforming import Cut, Target

Kept = Literal["subject", "background"]
_MOST_ITEMS = 4096


@dataclass(frozen=True, kw_only=True)
class Extract:
    """The structure of a source as a control clip. estimator: an extractor's id, "" for the control's first one."""

    source: str
    control: ControlKind
    target: Target
    cut: Cut = field(default_factory=Cut)
    estimator: str = ""
    options: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Conform:
    """The source on the grid."""

    source: str
    target: Target
    cut: Cut = field(default_factory=Cut)


@dataclass(frozen=True, kw_only=True)
class TrackMask:
    """A mask painted on one frame of the conformed source, followed through all of them. White is made anew.

    estimator: a tracker's id, "" for the default one.
    """

    source: str
    mask: str
    target: Target
    frame: int = 0
    cut: Cut = field(default_factory=Cut)
    estimator: str = ""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A mask that keeps the subject and asks for all else anew, or the reverse. mask: about where it is, on `frame`.

    estimator: a tracker's id, "" for the default one.
    """

    source: str
    target: Target
    keep: Kept = "subject"
    mask: str = ""
    frame: int = 0
    cut: Cut = field(default_factory=Cut)
    estimator: str = ""


@dataclass(frozen=True, kw_only=True)
class Outpaint:
    """The whole source inside the target's shape, and a mask of what lies beyond it."""

    source: str
    target: Target
    cut: Cut = field(default_factory=Cut)


@dataclass(frozen=True, kw_only=True)
class Fix:
    """A control clip made elsewhere, brought to the convention."""

    source: str
    control: ControlKind
    fix: FixName


@dataclass(frozen=True, kw_only=True)
class Draw:
    """A figure posed by hand at some frames, as a pose control clip. others: the keys of further figures."""

    keys: tuple[FigureKey, ...]
    target: Target
    others: tuple[tuple[FigureKey, ...], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Layback:
    """A finished clip laid over the source it was made of, at the source's own length, size and rate.

    result: the finished clip as a medium. mask: the mask it was made with; outside of it nothing is changed.
    """

    result: str
    source: str
    target: Target
    cut: Cut = field(default_factory=Cut)
    mask: str = ""


Wish = Extract | Conform | TrackMask | Subject | Outpaint | Fix | Draw | Layback
_BY_NAME: Mapping[str, type[Any]] = types.MappingProxyType({cls.__name__.lower(): cls for cls in get_args(Wish)})
MEDIA = ("source", "mask", "result")


def name_of(wish: Wish) -> str:
    """The wish's name as JSON tells it: `extract`, `trackmask`, ..."""
    return type(wish).__name__.lower()


def media_of(wish: Wish) -> tuple[str, ...]:
    """The content hashes a wish needs."""
    return tuple(dict.fromkeys(value for name in MEDIA if (value := getattr(wish, name, ""))))


def to_dict(wish: Wish) -> dict[str, Any]:
    """Plain values with the wish's name under "wish"."""
    plain: dict[str, Any] = json.loads(json.dumps({"wish": name_of(wish), **dataclasses.asdict(wish)}))
    return plain


def wish_from(raw: Any) -> Wish:
    """Read a wish. Raises InvalidRequest on anything unknown, missing or mistyped."""
    name = raw.get("wish") if isinstance(raw, dict) else None
    if not isinstance(name, str) or name.lower() not in _BY_NAME:
        raise _refuse(f"There is no wish {str(name)[:40]!r}.")
    built: Wish = _built(_BY_NAME[name.lower()], {key: value for key, value in raw.items() if key != "wish"}, "wish")
    return built


def _refuse(message: str) -> InvalidRequest:
    return InvalidRequest((Problem(field="structure", message=message, hint="Reload the page and try again."),))


def _built(cls: type[Any], raw: Any, where: str) -> Any:
    if not isinstance(raw, dict):
        raise _refuse(f"The {where} is no object.")
    hints, fields = typing.get_type_hints(cls), {f.name: f for f in dataclasses.fields(cls)}
    for unknown in raw.keys() - fields.keys():
        raise _refuse(f"The {where} has something unknown, {str(unknown)[:40]!r}.")
    for name, one in fields.items():
        if name not in raw and one.default is one.default_factory is dataclasses.MISSING:
            raise _refuse(f"The {where} misses its {name}.")
    try:
        return cls(**{name: _value(hints[name], value, name) for name, value in raw.items()})
    except ValueError as error:
        raise _refuse(f"The {where} makes no sense: {error}.") from None


def _value(hint: Any, value: Any, name: str) -> Any:
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if dataclasses.is_dataclass(hint):
        return _built(typing.cast(Any, hint), value, name)
    if origin is tuple and isinstance(value, list | tuple) and len(value) <= _MOST_ITEMS:
        kinds = [inner[0]] * len(value) if inner[-1] is Ellipsis else inner
        if len(kinds) == len(value):
            return tuple(_value(kind, item, name) for kind, item in zip(kinds, value, strict=True))
    elif origin is typing.Literal and value in inner:
        return value
    elif origin is types.UnionType:
        return None if value is None else _value(inner[0], value, name)
    elif hint is float and isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e9:
        return float(value)
    elif hint in (int, str) and isinstance(value, hint) and not isinstance(value, bool):
        return value
    elif isinstance(value, dict) and len(value) < 32 and origin is not typing.Literal:
        return {str(key): _value(float, item, name) for key, item in value.items()}
    raise _refuse(f"The {name} has the value {str(value)[:40]!r}, which does not fit.")
