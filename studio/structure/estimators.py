"""Which estimators a person can choose among, as data for a form or a command."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.conditioning import extractors, trackers
from pipelines.conditioning.choosing import Choosable, Read
from studio.home import Home, added_models


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One estimator of a control, or what follows masks (control "mask"); the first usable one is the default.

    why_not: why it cannot be used here; empty where it can. gives, most_people: what of how many people a reader of
    poses finds.
    """

    id: str
    control: Read
    title: str
    why_not: str = ""
    gives: tuple[str, ...] = ()
    most_people: int = 0

    @property
    def available(self) -> bool:
        return not self.why_not


def estimator_folders(home: Home) -> tuple[Path, ...]:
    """Where a person's own estimators are looked for: their place in the data folder, and the folders they added."""
    return (home.estimators, *added_models(home))


def choices(added: Sequence[Path] = ()) -> tuple[Choice, ...]:
    """All estimators, those under `estimator_folders` too where these are given. Imports no torch."""
    folders = tuple(added)
    readers = [_choice(one, gives=one.gives, most_people=one.most_people) for one in extractors.every(folders)]
    return (*readers, *(_choice(one) for one in trackers.every(folders)))


def _choice(one: Choosable, **more: Any) -> Choice:
    return Choice(id=one.id, control=one.control, title=one.title, why_not=one.why_not, **more)
