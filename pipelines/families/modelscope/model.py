"""How the pipeline of ModelScope text-to-video is called: as every text pipeline is."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from pipelines.families.stock import Recipe

RECIPES: Mapping[str, Recipe] = MappingProxyType({"TextToVideoSDPipeline": Recipe()})
