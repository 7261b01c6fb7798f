"""The commands as a person runs them, on a data folder of their own and a tiny real checkpoint."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.pipelines import tiny

ROOT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class Answer:
    """How a command ended, what it printed, and its JSON object where it was asked for one."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out.splitlines()[-1])


@dataclass(frozen=True)
class Gimbal:
    """Runs `python -m studio ...` in processes of its own."""

    home: Path
    assets: Path
    folder: Path

    def start(self, *arguments: object) -> subprocess.Popen[str]:
        env = {**os.environ, "GIMBAL_HOME": str(self.home), "GIMBAL_ASSETS": str(self.assets), "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", "studio", *map(str, arguments)]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, cwd=self.folder, env=env, stdout=pipe, stderr=pipe, text=True)

    def __call__(self, *arguments: object) -> Answer:
        with self.start(*arguments) as process:
            out, err = process.communicate(timeout=240)
        return Answer(process.returncode, out, err)


@pytest.fixture(scope="session")
def assets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("assets")
    tiny.write(folder / "models" / "tiny")
    return folder


@pytest.fixture
def gimbal(tmp_path: Path, assets: Path) -> Gimbal:
    """With an empty data folder."""
    return Gimbal(home=tmp_path / "home", assets=assets, folder=tmp_path)


@dataclass(frozen=True)
class Made:
    """A clip that `generate` has made, and what it told about it."""

    gimbal: Gimbal
    path: Path
    told: Any


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory, assets: Path) -> Made:
    """One generated clip in a data folder that no test changes for another."""
    folder = tmp_path_factory.mktemp("made")
    gimbal = Gimbal(home=folder / "home", assets=assets, folder=folder)
    answer = gimbal("generate", "a red ball on sand", "-o", "out.mp4", "--seed", "5", "--size", "96x64", "--json")
    assert answer.code == 0, answer.err
    return Made(gimbal=gimbal, path=folder / "out.mp4", told=answer.json)
