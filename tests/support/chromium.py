"""Find a Chromium for the browser tests: an installed one, then playwright's own, then the system's package."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence

VARIABLE = "GIMBAL_CHROMIUM"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge")
MAC_APPS = "/Applications"
MAC = (f"{MAC_APPS}/Google Chrome.app/Contents/MacOS/Google Chrome", f"{MAC_APPS}/Chromium.app/Contents/MacOS/Chromium")
WINDOWS = ("Google/Chrome/Application/chrome.exe", "Microsoft/Edge/Application/msedge.exe")


def find() -> str | None:
    """The executable of a Chromium that starts, or None. Installs nothing."""
    return next((path for path in _candidates() if _starts(path)), None)


def find_or_install() -> str | None:
    """As `find`, but tries to install one first when there is none. Says what it does on stdout."""
    for attempt in (None, _install_with_playwright, _install_with_apt):
        if attempt:
            attempt()
        if path := find():
            return path
    return None


def _candidates() -> Iterator[str]:
    if named := os.environ.get(VARIABLE):
        yield named
        return
    yield from filter(None, map(shutil.which, NAMES))
    yield from MAC
    for root in ("PROGRAMFILES", "PROGRAMFILES(X86)", "LOCALAPPDATA"):
        yield from (f"{os.environ[root]}/{tail}" for tail in WINDOWS if root in os.environ)
    if own := _playwrights_own():
        yield own


def _playwrights_own() -> str:
    """Where playwright would keep its Chromium; asked in a process of its own, for it starts an event loop."""
    code = "from playwright.sync_api import sync_playwright as s\nwith s() as p: print(p.chromium.executable_path)"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    return answer.stdout.strip()


def _starts(path: str) -> bool:
    """Whether it runs at all: a browser without its system libraries does not."""
    if sys.platform == "win32":
        return os.path.isfile(path)  # there `--version` would open a window
    try:
        return subprocess.run([path, "--version"], capture_output=True, timeout=60).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _install_with_playwright() -> None:
    _run([sys.executable, "-m", "playwright", "install", "chromium"], seconds=300)


def _install_with_apt() -> None:
    if shutil.which("apt-get") and hasattr(os, "geteuid") and os.geteuid() == 0:
        if not _run(["apt-get", "install", "-y", "--no-install-recommends", "chromium"], seconds=600):
            _run(["apt-get", "update"], seconds=300)
            _run(["apt-get", "install", "-y", "--no-install-recommends", "chromium"], seconds=600)


def _run(command: Sequence[str], seconds: float) -> bool:
    print("No Chromium yet; trying:", " ".join(command), flush=True)
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        answer = subprocess.run(
            command,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=seconds,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        print(f"  that failed: {error}", flush=True)
        return False
    if answer.returncode != 0:
        print("  that failed:", answer.stdout.decode(errors="replace").strip()[-300:], flush=True)
    return answer.returncode == 0
