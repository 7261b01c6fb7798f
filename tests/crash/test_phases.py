"""The whole run keeps its own promise: a hanging test fails, nothing outlives its phase, no phase hides another."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.support.phases import ALONE, Phase

ROOT = Path(__file__).resolve().parents[2]
QUICK_END = ("-o", "faulthandler_timeout=2", "-o", "faulthandler_exit_on_timeout=true")
# A loose process in a session of its own that holds the output open, as a browser does whose driver was killed.
LOOSE = """
import subprocess, sys
loose = [sys.executable, "-c", "import time; print('loose', flush=True); time.sleep(300)"]
print("loose", subprocess.Popen(loose, start_new_session=True).pid, file=open({pids!r}, "a"))
"""


class Suite:
    """A folder of tests, run as phases by a process whose output is read to its end."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pids = folder / "pids"
        self.pids.touch()

    def file(self, name: str, *tests: str) -> Path:
        path = self.folder / f"test_{name}.py"
        path.write_text("import time\n" + LOOSE.format(pids=str(self.pids)) + "\n".join(tests))
        return path

    def run(self, *phases: Phase) -> subprocess.CompletedProcess[str]:
        code = f"import sys; from tests.support.phases import *; sys.exit(run_all({phases!r}))"
        return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=240)

    def loose(self) -> list[int]:
        return [int(line.split()[1]) for line in self.pids.read_text().splitlines()]


@pytest.fixture
def suite(tmp_path: Path) -> Suite:
    return Suite(tmp_path)


def phase(name: str, file: Path, seconds: float, *arguments: str) -> Phase:
    return Phase(name, (str(file), "-c", str(file.parent / "none.ini"), "-p", "no:cacheprovider", *arguments), seconds)


def lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_phase_over_its_time_shows_its_stacks_and_leaves_nothing_behind(suite: Suite) -> None:
    (suite.folder / "none.ini").write_text("[pytest]\n")
    hangs = suite.file("hangs", "def test_it_hangs():\n    time.sleep(300)\n")
    passes = suite.file("passes", "def test_it_passes():\n    assert True\n")
    answer = suite.run(phase("first", hangs, 12), phase("second", passes, 60))
    assert answer.returncode == 1
    assert "first: OVER ITS TIME" in answer.stdout and "second: passed" in answer.stdout
    assert "in test_it_hangs" in answer.stdout
    assert len(suite.loose()) == 2 and not any(map(lives, suite.loose()))


def test_a_test_that_hangs_fails_alone(suite: Suite) -> None:
    (suite.folder / "none.ini").write_text("[pytest]\n")
    tests = ("def test_before(): pass", "def test_it_hangs(): time.sleep(300)", "def test_after(): pass")
    answer = suite.run(phase("only", suite.file("three", *tests), 90, *ALONE, *QUICK_END, "-v"))
    assert answer.returncode == 1
    assert "1 failed, 2 passed" in answer.stdout
    assert "in test_it_hangs" in answer.stdout
