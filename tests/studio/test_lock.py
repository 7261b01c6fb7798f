"""One dispatcher and one window per data folder, whatever became of the last ones."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from studio.home import Home
from studio.lock import AlreadyOpen, Claimed, FileLock, claim_window

ROOT = Path(__file__).resolve().parents[2]


def other_process(code: str) -> subprocess.Popen[str]:
    """Python that runs `code`, says "held" and waits."""
    script = textwrap.dedent(code) + "\nprint('held', flush=True)\nimport time; time.sleep(600)"
    process = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    return process


def end(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


def test_a_lock_is_held_by_one_and_freed_by_release(tmp_path: Path) -> None:
    first, second = FileLock(tmp_path / "x.lock"), FileLock(tmp_path / "x.lock")
    assert first.acquire() and first.acquire() and not second.acquire()
    first.release()
    assert second.acquire() and second.held and not first.held
    second.release()


def test_a_killed_process_lets_go_of_its_lock(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    lock = FileLock(path)
    process = other_process(f"""
        from pathlib import Path
        from studio.lock import FileLock
        lock = FileLock(Path({str(path)!r})); lock.acquire()
    """)
    assert not lock.acquire()
    end(process)
    assert lock.acquire()
    lock.release()


def test_a_second_window_is_told_where_the_first_one_is(home: Path) -> None:
    first = claim_window(home, "http://127.0.0.1:7860/")
    assert isinstance(first, Claimed)
    assert claim_window(home) == AlreadyOpen(url="http://127.0.0.1:7860/", pid=os.getpid())
    first.release()
    assert not Home(home).window_file.exists()
    third = claim_window(home)
    assert isinstance(third, Claimed) and third.token != first.token
    third.release()


def test_what_a_dead_window_left_is_replaced(home: Path) -> None:
    process = other_process(f"""
        from pathlib import Path
        from studio.lock import claim_window
        claimed = claim_window(Path({str(home)!r}), "http://127.0.0.1:1/")
    """)
    assert claim_window(home) == AlreadyOpen(url="http://127.0.0.1:1/", pid=process.pid)
    end(process)
    claimed = claim_window(home, "http://127.0.0.1:2/")
    assert isinstance(claimed, Claimed)
    assert json.loads(Home(home).window_file.read_text())["url"] == "http://127.0.0.1:2/"
    claimed.release()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"url": 1}', '{"pid": "x", "url": ""}'])
def test_a_window_that_has_not_told_its_address_is_still_a_window(home: Path, text: str) -> None:
    first = claim_window(home)
    assert isinstance(first, Claimed)
    Home(home).window_file.write_text(text)
    assert claim_window(home, patience_seconds=0.1) == AlreadyOpen(url="", pid=0)
    first.release()
