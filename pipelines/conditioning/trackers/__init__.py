"""What follows a mask through a clip: one file each, listed in `MODULES`. No torch at import; models load when used.

To add one: a file with `trackers(added) -> tuple[Tracker, ...]`, and its name in the list.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Protocol

from pipelines.conditioning.choosing import Choosable
from pipelines.conditioning.masks import Clip, Masks, OnShare

MODULES = ("classical", "sam2")


class Tracker(Choosable, Protocol):
    """One way to follow what is masked. Masks are bool, True = made anew.

    side: pixels of the shorter side that it is shown where the source has them.
    """

    @property
    def control(self) -> Literal["mask"]: ...

    @property
    def side(self) -> int: ...

    def track(self, clip: Clip, painted: Masks, frame: int, on_share: OnShare) -> Masks:
        """The mask (H, W) painted on one frame of a clip uint8 (T, H, W, 3), at every frame: (T, H, W).

        on_share hears how much is done (0..1), and what it raises ends the work. Raises BrokenCheckpoint.
        """
        ...

    def cut_out(self, picture: Clip, about: Masks) -> Masks:
        """The thing that a rough mask (H, W) of a picture means. Raises BrokenCheckpoint."""
        ...


def every(added: Sequence[Path] = ()) -> tuple[Tracker, ...]:
    """All that are known, also those that cannot be used here; `added` are folders of a person's own models."""
    modules = (importlib.import_module(f"{__name__}.{name}") for name in MODULES)
    return tuple(tracker for module in modules for tracker in module.trackers(added))
