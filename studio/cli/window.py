"""Open the studio in the browser. A second launch on the same data folder opens the first."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Any

from studio.cli.console import Console

HELP = "open the studio (this is also what no command does)"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=port_number, metavar="N", help="the port on this machine (7860)")
    parser.add_argument("--no-browser", action="store_true", help="only serve; open no browser")


def port_number(text: str) -> int:
    """A TCP port; 0 lets the system choose."""
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port: use 1 to 65535, or 0 for any free one")
    return int(text)


def run(options: argparse.Namespace, console: Console) -> int:
    from studio.home import Home
    from studio.settings import Settings
    from studio.studio import Studio
    from studio.ui.app import serve

    settings = Settings.read(port=options.port, warm_start=True)
    file = Home(settings.home).window_file
    is_told = threading.Event()
    signal.signal(signal.SIGTERM, _as_interrupt)
    with contextlib.ExitStack() as stack:
        if console.as_json:
            stack.enter_context(contextlib.redirect_stdout(sys.stderr))
            threading.Thread(target=_tell_when_open, args=(file, console, is_told), daemon=True).start()
        studio = Studio(settings)
        stack.callback(studio.close)
        studio.start()
        with contextlib.suppress(KeyboardInterrupt):
            serve(studio, settings.port, not options.no_browser)
    if not is_told.is_set():
        console.result(**_window(file), already_open=True)
    return 0


def _tell_when_open(file: Path, console: Console, is_told: threading.Event) -> None:
    """Print the result as soon as this process serves, for a script that waits for the address."""
    while not is_told.wait(0.05):
        if (window := _window(file)).get("pid") == os.getpid():
            is_told.set()
            console.result(**window, already_open=False)


def _window(file: Path) -> dict[str, Any]:
    """The address and process of the open window; empty where there is none."""
    try:
        raw = json.loads(file.read_text("utf-8"))
        return {"url": str(raw["url"]), "pid": int(raw["pid"])}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _as_interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
