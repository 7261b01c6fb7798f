"""Depth by a model: toybox's own, or any folder of Depth Anything or DPT that a person added."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import cv2
import numpy as np

from pipelines.conditioning import depth
from pipelines.conditioning.estimators import available
from pipelines.conditioning.extractors import Clip, OnShare, Options, Structure, parts
from pipelines.conditioning.extractors.modelled import Modelled
from pipelines.domain.conditioning import ControlKind

if TYPE_CHECKING:
    from pipelines.conditioning.depth_model import DepthModel

BATCH = 8


class Depth(Modelled):
    """One depth model, loaded at its first use and kept."""

    control: ClassVar[ControlKind] = "depth"
    what = "Depth"

    @cached_property
    def _model(self) -> DepthModel:
        return depth.load(self._card.folder)

    def extract(self, frames: Clip, size: tuple[int, int], options: Options, on_share: OnShare) -> Structure:
        """Near is bright, one scale for the whole clip."""
        found = [
            cv2.resize(near, size, interpolation=cv2.INTER_AREA)
            for part in parts(len(frames), BATCH, on_share)
            for near in self._model.estimate(frames[part], BATCH)
        ]
        return Structure(pixels=depth.to_control(np.stack(found)), estimator=self.id)


def extractors(added: Sequence[Path]) -> tuple[Depth, ...]:
    return tuple(Depth(card) for card in available("depth", added))
