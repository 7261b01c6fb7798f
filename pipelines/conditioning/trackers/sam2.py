"""Masks followed by SAM 2 (Ravi et al., 2024), from a folder of its weights that a person added."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pipelines.conditioning.estimators import EstimatorCard, available
from pipelines.conditioning.masks import Clip, Masks, OnShare

if TYPE_CHECKING:
    from pipelines.conditioning.sam2_model import Sam2


class Sam2Tracker:
    """One folder of SAM 2, loaded at its first use and kept."""

    why_not, side = "", 512
    control: Literal["mask"] = "mask"

    def __init__(self, card: EstimatorCard) -> None:
        self._card = card
        self.id = card.id

    @property
    def title(self) -> str:
        return f"SAM 2, {self._card.id}"

    @cached_property
    def _model(self) -> Sam2:
        from pipelines.conditioning.sam2_model import Sam2

        return Sam2(self._card)

    def track(self, clip: Clip, painted: Masks, frame: int, on_share: OnShare) -> Masks:
        return self._model.track(clip, painted, frame, on_share)

    def cut_out(self, picture: Clip, about: Masks) -> Masks:
        return self._model.cut_out(picture, about)


def trackers(added: Sequence[Path]) -> tuple[Sam2Tracker, ...]:
    return tuple(Sam2Tracker(card) for card in available("mask", added))
