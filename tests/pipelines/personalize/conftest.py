"""A tiny base, a small lesson on it, and the model as the worker has it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipelines.families.family import ModelCard
from pipelines.models.catalog import Catalog
from pipelines.personalize.examples import Example
from pipelines.personalize.files import Card
from pipelines.personalize.fingerprint import fingerprint
from pipelines.personalize.learning import Lesson
from pipelines.personalize.settings import Settings
from tests.pipelines import tiny


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> ModelCard:
    folder = tmp_path_factory.mktemp("bases")
    tiny.write(folder / "models" / "tiny")
    return Catalog(folder).card("tiny")


SMALL = Settings(
    steps=6,
    batch=2,
    rank=2,
    alpha=2,
    every=3,
    prior_clips=1,
    sample_steps=1,
    width=64,
    height=64,
    num_frames=5,
    warmup=1,
)


def lesson(card: ModelCard, settings: Settings = SMALL, pictures: int = 5) -> Lesson:
    rng = np.random.default_rng(3)
    examples = tuple(
        Example(rng.integers(0, 255, (1, 64, 64, 3), dtype=np.uint8), "a <my-ball> ball on sand")
        for _ in range(pictures)
    )
    about = Card(
        token="<my-ball>", class_word="ball", name="My ball", method=settings.method, base=fingerprint(card),
        base_title=card.title,
    )  # fmt: skip
    return Lesson(
        card=about, settings=settings, examples=examples, priors=("a ball on sand",), samples=("a <my-ball> ball",)
    )


def ignore(*told: object) -> None:
    """No one watches."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "lesson"
    made.mkdir()
    return made
