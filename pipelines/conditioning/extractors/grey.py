"""The clip without its colours: what is to be coloured anew."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pipelines.conditioning.extractors import Clip, Options
from pipelines.conditioning.extractors.filters import Filter, as_frames, grey


def _look(frames: Clip, options: Options) -> Clip:
    return as_frames(np.stack([grey(frame) for frame in frames]))


def extractors(added: Sequence[Path]) -> tuple[Filter, ...]:
    return (Filter(id="grey", control="grey", title="Without colours", look=_look),)
