"""A window of its own for a benchmark: started by the launcher on an empty data folder, ended at the end."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipelines.domain.errors import GimbalError

LAUNCHER = Path(__file__).resolve().parents[2] / "launch.py"


@dataclass(frozen=True, kw_only=True)
class Window:
    """A running window. Seconds from the start of the launcher: until it listens, until its page is complete."""

    pid: int
    url: str
    listening_seconds: float
    usable_seconds: float


@contextlib.contextmanager
def opened(home: Path) -> Iterator[Window]:
    """Launch a window and read its page with everything the page names. Raises GimbalError if it does not open."""
    env = {**os.environ, "GIMBAL_HOME": str(home)}
    began = time.monotonic()
    command = [sys.executable, str(LAUNCHER), "--no-browser", "--port", "0", "--json"]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None and process.stderr is not None
            line = process.stdout.readline()
            if not line:
                raise GimbalError("The window did not open.", process.stderr.read()[-500:])
            told, listening = json.loads(line), time.monotonic() - began
            _read_page(told["url"])
            usable = time.monotonic() - began
            yield Window(pid=told["pid"], url=told["url"], listening_seconds=listening, usable_seconds=usable)
        finally:
            process.terminate()
            process.wait(30)


def _read_page(url: str) -> None:
    """Fetch the page, its scripts and styles, and the state it shows: what a browser needs before a click works."""
    page = _get(url).decode()
    named = set(re.findall(r"""(?:src|href)=["'](/?[^"'#:]+\.(?:js|css)[^"']*)["']""", page))
    for path in sorted(named):
        _get(url.rstrip("/") + "/" + path.lstrip("./"))
    _get(url.rstrip("/") + "/config")


def _get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=60) as answer:
        data: bytes = answer.read()
        return data
