"""A tiny checkpoint for every test of the queue, made once, and studios that are closed at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from studio.settings import Settings
from studio.studio import Studio
from tests.pipelines import tiny
from tests.studio.jobs.scripted import Script, Scripted

Open = Callable[..., Studio]


@pytest.fixture(scope="session")
def assets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Assets with one tiny model of the true classes."""
    folder = tmp_path_factory.mktemp("assets")
    tiny.write(folder / "models" / "tiny")
    return folder


@pytest.fixture
def settings(assets: Path, home: Path) -> Settings:
    return Settings.read({}, home=home, assets=assets, device="cpu")


@pytest.fixture
def opened(settings: Settings) -> Iterator[Open]:
    """Opens studios on one data folder; `script` stands in for the model and the process around it."""
    studios: list[Studio] = []

    def begin(script: Script | None = None, *, worker: bool = True, **changes: Any) -> Studio:
        start = None if script is None else lambda listener: Scripted(listener, script)
        studio = Studio(settings.replace(**changes), worker=worker, start_worker=start)
        studios.append(studio)
        return studio.start()

    yield begin
    for studio in studios:
        studio.close()
