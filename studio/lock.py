"""Locks that the system releases when their process ends, however it ends; and the claim on being the window."""

from __future__ import annotations

import json
import os
import secrets
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from studio.home import Home, storage_error, write_atomically


class FileLock:
    """An exclusive lock on a file, held by at most one process; not inherited by children."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd: int | None = None

    @property
    def held(self) -> bool:
        return self._fd is not None

    def acquire(self) -> bool:
        """Try once; True if it is ours now. Raises StorageError when the file cannot be opened."""
        if self._fd is not None:
            return True
        try:
            fd = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise storage_error(error, self.path) from error
        if not _try_lock(fd):
            os.close(fd)
            return False
        self._fd = fd
        return True

    def release(self) -> None:
        """Let go; closing the file is what releases it."""
        fd, self._fd = self._fd, None
        if fd is not None:
            os.close(fd)


if sys.platform == "win32":
    import msvcrt

    def _try_lock(fd: int) -> bool:
        try:
            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _try_lock(fd: int) -> bool:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True


@dataclass(frozen=True)
class AlreadyOpen:
    """Another window serves this data folder at `url` (empty while it is still starting)."""

    url: str
    pid: int


@dataclass(frozen=True)
class Claimed:
    """This process is the window of its data folder until `release()` or its end. `token` is new for each claim."""

    home: Home
    token: str
    lock: FileLock

    def announce(self, url: str) -> None:
        """Write where the window is served, for the next launch to open. Raises StorageError."""
        write_atomically(self.home.window_file, json.dumps({"pid": os.getpid(), "url": url, "token": self.token}))

    def release(self) -> None:
        self.home.window_file.unlink(missing_ok=True)
        self.lock.release()


def claim_window(root: Path, url: str = "", *, patience_seconds: float = 5.0) -> Claimed | AlreadyOpen:
    """Become the window of a data folder, or learn where the one that runs is.

    The lock decides, not the file: what a dead window left in window.json is replaced. While the other window is
    still starting, its address is waited for. With `url` the claim is announced at once.
    """
    home = Home(root)
    lock = FileLock(home.window_lock)
    found: list[AlreadyOpen] = []

    def settled() -> bool:
        if lock.acquire():
            return True
        found[:] = [_read_window(home)]
        return bool(found[0].url)

    _wait(settled, patience_seconds)
    if not lock.held:
        return found[0]
    claimed = Claimed(home, secrets.token_urlsafe(24), lock)
    home.window_file.unlink(missing_ok=True)
    if url:
        claimed.announce(url)
    return claimed


def _read_window(home: Home) -> AlreadyOpen:
    try:
        raw = json.loads(home.window_file.read_text("utf-8"))
        return AlreadyOpen(url=str(raw["url"]), pid=int(raw["pid"]))
    except (OSError, ValueError, KeyError, TypeError):
        return AlreadyOpen(url="", pid=0)


def _wait(settled: Callable[[], bool], patience_seconds: float) -> None:
    deadline = time.monotonic() + patience_seconds
    while not settled() and time.monotonic() < deadline:
        time.sleep(0.05)
