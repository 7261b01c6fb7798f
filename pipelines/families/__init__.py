"""One folder per model family. To add one: write the folder, add its name here."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from pipelines.families.family import Family

NAMES: tuple[str, ...] = ("wan", "cogvideox", "svd", "modelscope", "hunyuan", "ltx", "sanawm", "animatediff")


def family_named(name: str) -> Family:
    """The family of that name; its package is imported now, without torch."""
    return cast("Family", import_module(f"{__name__}.{name}"))
