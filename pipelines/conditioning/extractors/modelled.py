"""What extractors that run an estimator's folder have in common."""

from __future__ import annotations

from typing import ClassVar

from pipelines.conditioning.estimators import SHIPPED, EstimatorCard
from pipelines.conditioning.extractors import BodyPart
from pipelines.domain.conditioning import ControlKind


class Modelled:
    """An estimator of one kind of structure. what: the structure in a title's words."""

    control: ClassVar[ControlKind]
    what: ClassVar[str]
    gives: tuple[BodyPart, ...] = ()
    most_people = 0
    why_not = ""

    def __init__(self, card: EstimatorCard) -> None:
        self._card = card
        self.id = card.id

    @property
    def title(self) -> str:
        is_own = self._card.folder == SHIPPED.get(self._card.kind)
        return f"{self.what}, toybox's own" if is_own else f"{self.what}, {self._card.id}"
