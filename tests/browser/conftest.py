"""One real studio in a process of its own and one real Chromium, shared by all browser tests."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.studio.library_samples import open_library, stored
from tests.support.chromium import find

ROOT = Path(__file__).resolve().parents[2]
FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --force-color-profile=srgb"
).split()
DESK = (1440, 900)
PHONE = (390, 844)


@dataclass(frozen=True)
class Window:
    """The running studio. home: its data folder. seeded: ids of the three clips it started with, oldest first."""

    url: str
    home: Path
    seeded: tuple[str, ...]


@pytest.fixture(scope="session")
def window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Window]:
    home = tmp_path_factory.mktemp("home")
    library = open_library(home)
    seeded = tuple(stored(library, seed).id for seed in (1, 2, 3))
    library.repository.close()
    command = [sys.executable, "-m", "studio", "window", "--no-browser", "--port", "0", "--json"]
    env = {**os.environ, "GIMBAL_HOME": str(home), "OMP_WAIT_POLICY": "PASSIVE"}
    with (home / "window.log").open("w") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=log, text=True)
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line, (home / "window.log").read_text()
        yield Window(str(json.loads(line)["url"]), home, seeded)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)
        process.stdout.close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    chromium = find()
    if chromium is None:
        pytest.fail("No Chromium was found. `python launch.py test` installs one.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


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
                context.set_default_timeout(20_000)
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
