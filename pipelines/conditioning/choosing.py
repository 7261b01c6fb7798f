"""Choosing among several ways to do one thing: by name, or the first that works here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol, TypeVar

from pipelines.domain.conditioning import ControlKind
from pipelines.domain.errors import GimbalError

Read = ControlKind | Literal["mask"]
"""What is read off a clip: a kind of control, or where a thing is."""


class Choosable(Protocol):
    """id: stored with what it made. why_not: why it cannot be used here, in plain words; empty where it can."""

    @property
    def id(self) -> str: ...

    @property
    def control(self) -> Read: ...

    @property
    def title(self) -> str: ...

    @property
    def why_not(self) -> str: ...


One = TypeVar("One", bound=Choosable)


def chosen(control: Read, wanted: str, among: Sequence[One]) -> One:
    """The one called `wanted` that reads a control, by default the first one that can be used. Raises GimbalError."""
    fitting = [one for one in among if one.control == control]
    for one in fitting:
        if one.id == wanted and one.why_not:
            raise GimbalError(f"{one.title} cannot be used here. {one.why_not}", "Choose another one.")
        if one.id == wanted or (not wanted and not one.why_not):
            return one
    known = ", ".join(one.id for one in fitting) or "nothing"
    raise GimbalError(f"Nothing named {wanted!r} reads {control} here.", f"There is: {known}.")
