"""A real tiny checkpoint, written once; tests that damage it take a copy."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pipelines.domain.request import GenerationRequest
from pipelines.families.family import ModelCard
from pipelines.models.catalog import Catalog


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint folder of the true classes with seeded weights; do not change it."""
    from tests.pipelines import tiny

    return tiny.write(tmp_path_factory.mktemp("checkpoints") / "tiny")


@pytest.fixture
def own_folder(tiny_folder: Path, tmp_path: Path) -> Path:
    """A copy of the tiny checkpoint to damage."""
    return Path(shutil.copytree(tiny_folder, tmp_path / "checkpoint"))


@pytest.fixture
def pair(tiny_folder: Path, tmp_path: Path) -> Path:
    """A folder with a copy of the tiny checkpoint, `base`, and one that changes it by a LoRA, `fast`."""
    from tests.pipelines import tiny

    shutil.copytree(tiny_folder, tmp_path / "pair" / "base")
    tiny.write_adapter(tmp_path / "pair" / "fast", "base")
    return tmp_path / "pair"


@pytest.fixture(scope="session")
def tiny_card(tiny_folder: Path) -> ModelCard:
    return Catalog(tiny_folder / "none", [tiny_folder]).cards()[0]


@pytest.fixture
def tiny_request(tiny_card: ModelCard) -> GenerationRequest:
    return smallest_request(tiny_card)


def smallest_request(card: ModelCard, **changes: object) -> GenerationRequest:
    """The cheapest request a card serves."""
    capabilities = card.capabilities
    width, height = min(capabilities.grid.sizes, key=lambda size: size[0] * size[1])
    fields: dict[str, object] = {
        "model": card.id,
        "prompt": card.examples[0] if card.examples else "a red ball",
        "seed": 1,
        "width": width,
        "height": height,
        "num_frames": min(length for length in capabilities.grid.lengths if length > 1),
        "fps": capabilities.grid.fps.default,
        "steps": max(2, int(capabilities.steps.low)),
        "guidance": capabilities.guidance.default,
    }
    return GenerationRequest(**{**fields, **changes})  # type: ignore[arg-type]
