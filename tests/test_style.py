"""The linter and the type checker, run as everyone runs them: their settings are in pyproject.toml."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", *arguments], cwd=ROOT, capture_output=True, text=True)


def test_the_linter_finds_nothing() -> None:
    answer = run("ruff", "check", ".")
    assert answer.returncode == 0, answer.stdout


def test_the_type_checker_finds_nothing() -> None:
    for what in ((), ("--strict", "launch.py")):
        answer = run("mypy", *what)
        assert answer.returncode == 0, answer.stdout + answer.stderr
