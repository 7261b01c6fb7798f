"""`launch.py test [pytest's arguments]`: find a Chromium, then run every test, or what the arguments choose."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from types import FrameType

import pytest

from tests.support import chromium, phases


def main(arguments: list[str]) -> int:
    path = chromium.find_or_install()
    if path:
        os.environ[chromium.VARIABLE] = path
    print(f"Chromium: {path or 'none was found, so the browser tests will fail'}", flush=True)
    if arguments:
        return int(pytest.main(arguments))
    signal.signal(signal.SIGTERM, _leave)
    _keep_no_cores()
    return phases.run_all(phases.every())


def _leave(number: int, frame: FrameType | None) -> None:
    """Let a request to end run the clean-up of the phase at work."""
    sys.exit(128 + number)


def _keep_no_cores() -> None:
    """The abort that shows the stacks of a hanging run shall leave no core file behind."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
