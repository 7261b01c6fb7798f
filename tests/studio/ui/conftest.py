"""A whole window over a real studio and a real library, without a worker and without a browser."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from projects_db.records import ClipRow
from studio.settings import Settings
from studio.studio import Studio
from studio.ui.app import build
from tests.studio.library_samples import stored

TOKEN = "the-token-of-this-start"
BASE = "http://127.0.0.1:7860"


@pytest.fixture(scope="session")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    with Studio(Settings.read({}, home=tmp_path_factory.mktemp("home")), worker=False) as studio:
        yield studio


@pytest.fixture(scope="session")
def served(studio: Studio) -> Iterator[TestClient]:
    async def built() -> FastAPI:
        return build(studio, TOKEN)  # inside a loop, or Gradio makes loops of its own and leaves them open

    with TestClient(asyncio.run(built()), base_url=BASE, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def client(served: TestClient) -> TestClient:
    """The window as its own page uses it: with the token, without cookies left by another test."""
    served.cookies.clear()
    served.headers["x-gimbal-token"] = TOKEN
    return served


@pytest.fixture
def clip(studio: Studio) -> ClipRow:
    """One more stored clip."""
    return stored(studio.library)


@pytest.fixture
def project(studio: Studio) -> str:
    return studio.repository.list_projects()[0].id


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    from PIL import Image

    path = tmp_path / "start.png"
    Image.new("RGB", (48, 32), (200, 40, 40)).save(path)
    return path
