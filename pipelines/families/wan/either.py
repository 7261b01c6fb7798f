"""One loader for both halves of the family: VACE, which this family runs itself, and the stock pipelines."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipelines.families.family import LoadedModel, Loader, ModelCard, Setup
from pipelines.families.stock import StockLoader
from pipelines.families.wan.load import WanLoader
from pipelines.families.wan.recipes import RECIPES


class EitherLoader:
    """See `pipelines.families.family.Loader`."""

    def __init__(self) -> None:
        self._vace, self._stock = WanLoader(), StockLoader(RECIPES)

    def shares(self, card: ModelCard) -> Mapping[str, Path]:
        return self._for(card).shares(card)

    def component(self, card: ModelCard, name: str, setup: Setup) -> Any:
        return self._for(card).component(card, name, setup)

    def assemble(self, card: ModelCard, components: Mapping[str, Any], setup: Setup) -> LoadedModel:
        return self._for(card).assemble(card, components, setup)

    def release(self, component: Any) -> None:
        self._stock.release(component)

    def _for(self, card: ModelCard) -> Loader:
        return self._stock if card.settings["pipeline"] in RECIPES else self._vace
