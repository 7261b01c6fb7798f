"""One real studio in a process of its own and one real Chromium, shared by all browser tests."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright

from tests.studio.library_samples import open_library, stored
from tests.support.chromium import find

ROOT = Path(__file__).resolve().parents[2]
FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --force-color-profile=srgb"
).split()
DESK = (1440, 900)
PHONE = (390, 844)
TEST_SECONDS = 180
START_SECONDS = 120
expect.set_options(timeout=30_000)


@dataclass(frozen=True)
class Window:
    """The running studio. home: its data folder. seeded: ids of the three clips it started with, oldest first."""

    url: str
    home: Path
    seeded: tuple[str, ...]
    pid: int

    def worker(self) -> psutil.Process:
        """Its worker process, which it starts by itself a moment after it has opened."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            for child in psutil.Process(self.pid).children():
                if "studio.jobs.worker" in child.cmdline():
                    return child
            time.sleep(0.1)
        pytest.fail("the window has started no worker")


@pytest.fixture(scope="session")
def window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Window]:
    with opened_window(tmp_path_factory.mktemp("home")) as window:
        yield window


@contextmanager
def opened_window(home: Path, **variables: str) -> Iterator[Window]:
    """A running studio over a data folder with three clips; `variables` are added to its environment."""
    library = open_library(home)
    seeded = tuple(stored(library, seed).id for seed in (1, 2, 3))
    library.repository.close()
    command = [sys.executable, "-m", "studio", "window", "--no-browser", "--port", "0", "--json"]
    env = {**os.environ, "GIMBAL_HOME": str(home), "OMP_WAIT_POLICY": "PASSIVE", **variables}
    with (home / "window.log").open("w") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True
        )
    assert process.stdout is not None
    late = threading.Timer(START_SECONDS, process.kill)
    late.start()
    try:
        line = process.stdout.readline()
        late.cancel()
        assert line, (home / "window.log").read_text()
        yield Window(str(json.loads(line)["url"]), home, seeded, process.pid)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0, (home / "window.log").read_text()
    finally:
        late.cancel()
        process.kill()
        process.wait(10)
        process.stdout.close()


class Chromium:
    """A Chromium that a test which hangs loses, and that the next test gets anew.

    Much of Playwright waits without a bound (a promise in `evaluate`, a download, the end of a context). When the
    browser is killed all of it fails at once, in the test that waited.
    """

    def __init__(self, playwright: Playwright, path: str) -> None:
        self._playwright = playwright
        self._path = path
        self._browser: Browser | None = None
        self._processes: set[psutil.Process] = set()

    def browser(self) -> Browser:
        if self._browser is None or not self._browser.is_connected():
            before = set(psutil.Process().children(recursive=True))
            self._browser = self._playwright.chromium.launch(executable_path=self._path, args=FLAGS)
            self._processes = set(psutil.Process().children(recursive=True)) - before
        return self._browser

    def kill(self) -> None:
        for process in self._processes:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue

    def close(self) -> None:
        if self._browser is not None and self._browser.is_connected():
            self._browser.close()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Chromium]:
    path = find()
    if path is None:
        pytest.fail("No Chromium was found. `python launch.py test` installs one.")
    with sync_playwright() as playwright:
        chromium = Chromium(playwright, path)
        chromium.browser()
        yield chromium
        chromium.close()


@pytest.fixture
def browser(chromium: Chromium) -> Iterator[Browser]:
    """The browser for one test, killed when the test takes too long."""
    late = threading.Timer(TEST_SECONDS, chromium.kill)
    late.start()
    yield chromium.browser()
    late.cancel()


@dataclass
class Watched:
    """What a page did that no page may do."""

    errors: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)


Opener = Callable[..., Page]


@pytest.fixture
def open_page(window: Window, browser: Browser) -> Iterator[Opener]:
    """Opens pages of the window in one browser context. Console errors and foreign requests fail the test."""
    seen = Watched()
    with ExitStack() as stack:
        context = None

        def opened(size: tuple[int, int] = DESK) -> Page:
            nonlocal context
            if context is None:
                context = browser.new_context(
                    viewport={"width": size[0], "height": size[1]}, has_touch=size == PHONE, accept_downloads=True
                )
                context.set_default_timeout(45_000)
                stack.callback(context.close)
            page = context.new_page()
            page.on("console", lambda m: seen.errors.append(m.text) if m.type in ("error", "warning") else None)
            page.on("pageerror", lambda error: seen.errors.append(str(error)))
            local = (window.url, "data:", "blob:")
            page.on("request", lambda r: None if r.url.startswith(local) else seen.foreign.append(r.url))
            page.goto(window.url)
            page.wait_for_selector("html.gm-ready")
            return page

        yield opened
    assert (seen.errors, seen.foreign) == ([], [])


@pytest.fixture
def page(open_page: Opener) -> Page:
    return open_page()
