"""`launch.py test [pytest's arguments]`: find a Chromium, then run every test."""

from __future__ import annotations

import os
import sys

import pytest

from tests.support import chromium


def main(arguments: list[str]) -> int:
    path = chromium.find_or_install()
    if path:
        os.environ[chromium.VARIABLE] = path
    print(f"Chromium: {path or 'none was found, so the browser tests will fail'}", flush=True)
    return int(pytest.main(arguments))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
