"""A picture as its frame shows it, kept in the library: what is sent is what was seen."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from studio.studio import Studio

_LARGEST = 8192
"""Pixels of a side. The validator refuses such a size in its own words, so nothing is cut for it."""


def keep_framed(picture: Mapping[str, Any], size: tuple[int, int], studio: Studio) -> str:
    """The medium of a picture's visible frame at (width, height). picture: {media, name, mode, x, y, zoom}.

    Raises MediaError, StorageError.
    """
    from studio.media import read_image
    from studio.media.framing import Framing, framed
    from studio.media.plain import png

    if min(size) < 1 or max(size) > _LARGEST:
        return str(picture["media"])
    known = {field.name for field in dataclasses.fields(Framing)}
    source = read_image(studio.library.media_path(str(picture["media"]))).pixels[0]
    shown = framed(source, Framing(**{name: value for name, value in picture.items() if name in known}), *size)
    if shown is source:
        return str(picture["media"])
    name = str(picture.get("name") or "picture")
    return studio.library.add_media(png(shown), f"{Path(name).stem}.png").sha256
