"""The zygote and a tiny checkpoint, made once for all crash tests."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash import zygote
from tests.pipelines import tiny

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def assets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Assets with one tiny model of the true classes."""
    folder = tmp_path_factory.mktemp("assets")
    tiny.write(folder / "models" / "tiny")
    return folder


@pytest.fixture(scope="session")
def zygote_socket(assets: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the zygote listens."""
    path = tmp_path_factory.mktemp("z") / "z.sock"
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.crash.zygote", str(path), str(assets)],
        cwd=ROOT,
        env={**os.environ, **threads, "OMP_WAIT_POLICY": "PASSIVE"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None and process.stdout is not None
    for line in process.stdout:
        if line.strip() == zygote.READY:
            break
    else:
        pytest.fail("the zygote did not start")
    yield str(path)
    process.stdin.close()
    process.wait(90)
    process.stdout.close()
