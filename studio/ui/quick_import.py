"""Importing Gradio in half the time."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

_MADE_OF_COMPONENTS = ("gradio.", "studio.ui.")


@contextmanager
def without_stub_files() -> Iterator[None]:
    """While this is open, new Gradio components write no `.pyi` file beside their module.

    Gradio parses the source of each component class to keep such files for editors. That takes more than half of its
    import (2.0 s against 0.9 s on one Zen 5 core) and writes into the program's own folder. It leaves out classes
    whose file is not known, so their file is not known here for the time of the import.
    """
    known = inspect.getfile

    def getfile(thing: Any) -> str:
        if isinstance(thing, type) and thing.__module__.startswith(_MADE_OF_COMPONENTS):
            raise OSError("not looked up during the import of Gradio")
        return known(thing)

    inspect.getfile = cast(Any, getfile)
    try:
        yield
    finally:
        inspect.getfile = known
