"""What all tests share: a data folder of their own, no network, quick tests first and browsers last."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import hypothesis
import pytest

# Set before anything imports torch, gradio or the hub: waiting threads sleep, and no test reaches the network
# or a person's own data folder.
os.environ |= {
    "OMP_WAIT_POLICY": "PASSIVE",
    "GIMBAL_HOME": tempfile.mkdtemp(prefix="gimbal-tests-"),
    "GRADIO_ANALYTICS_ENABLED": "False",
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
}

hypothesis.settings.register_profile("gimbal", deadline=None, derandomize="CI" in os.environ)
hypothesis.settings.load_profile("gimbal")

ORDER = ("programs", "checkpoints", "toybox", "crash", "browser", "gpu")
# What starts whole programs; the longest begin first, so that no core waits for them at the end.
PROGRAMS = ("test_style.py", "cli", "test_worker_process.py", "test_launch.py", "test_bench.py")
FIRST = "test_contract.py"  # the longest of the quick files


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark by folder (tests/toybox, tests/crash, ...) and file, then run the quick tests first."""
    for item in items:
        parts = Path(item.path).relative_to(Path(__file__).parent).parts
        for name in set(ORDER) & set(parts):
            item.add_marker(name)
        if set(PROGRAMS) & set(parts):
            item.add_marker("programs")
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> tuple[int, int]:
    """The phase of a test, and its place in it."""
    phase = max((ORDER.index(mark.name) + 1 for mark in item.iter_markers() if mark.name in ORDER), default=0)
    if phase == 0:
        return phase, item.path.name != FIRST
    return phase, min((PROGRAMS.index(part) for part in item.path.parts if part in PROGRAMS), default=len(PROGRAMS))


def pytest_unconfigure() -> None:
    shutil.rmtree(os.environ["GIMBAL_HOME"], ignore_errors=True)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An empty data folder of this test's own."""
    folder = tmp_path / "home"
    folder.mkdir()
    return folder
