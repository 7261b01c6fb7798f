"""What reads structure off clips: one file each, listed in `MODULES`. No torch at import; models load when first used.

To add one: a file with `extractors(added) -> tuple[Extractor, ...]`, and its name in the list.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from pipelines.conditioning.choosing import Choosable
from pipelines.domain.conditioning import ControlKind

MODULES = ("depth", "pose", "canny", "lineart", "scribble", "flow", "grey", "mediapipe_pose", "annotators")

Clip = NDArray[np.uint8]
Options = Mapping[str, float]
BodyPart = Literal["body", "hands", "face"]
OnShare = Callable[[float], None]


@dataclass(frozen=True, kw_only=True, eq=False)
class Structure:
    """A control clip uint8 (T, height, width, 3), what made it (stored with it), and what a person should know.

    joints: of a pose, the skeletons (T, people, J, 3) that were drawn, as `people` has them, in pixels of the clip.
    """

    pixels: Clip
    estimator: str
    notes: tuple[str, ...] = ()
    joints: NDArray[np.float32] | None = None


class Extractor(Choosable, Protocol):
    """One way to read one kind of structure.

    gives: what of a person it finds. most_people: how many it follows at once. Nothing and 0 where it reads no pose.
    """

    @property
    def control(self) -> ControlKind: ...

    @property
    def gives(self) -> tuple[BodyPart, ...]: ...

    @property
    def most_people(self) -> int: ...

    def extract(self, frames: Clip, size: tuple[int, int], options: Options, on_share: OnShare) -> Structure:
        """The structure of frames uint8 (T, H, W, 3) as a control clip of `size` (width, height).

        The frames may be larger than `size`, so that a model sees more than it is given room to draw. on_share hears
        how much is done (0..1), and what it raises ends the work. Raises GimbalError, BrokenCheckpoint.
        """
        ...


def every(added: Sequence[Path] = ()) -> tuple[Extractor, ...]:
    """All that are known, also those that cannot be used here; `added` are folders of a person's own models."""
    modules = (importlib.import_module(f"{__name__}.{name}") for name in MODULES)
    return tuple(extractor for module in modules for extractor in module.extractors(added))


def parts(count: int, size: int, on_share: OnShare) -> Iterator[slice]:
    """Slices of at most `size` frames; before each is told how much is done."""
    for start in range(0, count, size):
        on_share(start / count)
        yield slice(start, min(start + size, count))
