"""The port of the window: the wanted one, the next free one, or a clear refusal."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing

import pytest

from pipelines.domain.errors import GimbalError
from studio.ui import app
from studio.ui.app import PORTS_TRIED, free_port


def test_a_port_in_use_leads_to_the_next_free_one() -> None:
    with closing(free_port("127.0.0.1", 0)) as taken:
        wanted = taken.getsockname()[1]
        with closing(free_port("127.0.0.1", wanted)) as given:
            assert wanted < given.getsockname()[1] < wanted + PORTS_TRIED


def test_an_address_that_is_not_of_this_machine_is_refused_in_words() -> None:
    with pytest.raises(GimbalError, match="--port"):
        free_port("192.0.2.1", 7860)


def test_importing_the_window_imports_no_torch_and_no_gradio_yet() -> None:
    code = "import sys, studio.ui.app; print([m for m in ('torch', 'gradio', 'diffusers') if m in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_building_the_window_writes_nothing_beside_its_modules() -> None:
    stub = app.STATIC.parent / "fields.pyi"
    stub.unlink(missing_ok=True)  # another program may have imported the module in its own way
    code = (
        "from studio.ui.quick_import import without_stub_files\n"
        "with without_stub_files():\n    import studio.ui.fields\nprint(studio.ui.fields.Field.__name__)"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (answer.stdout.strip(), stub.exists()) == ("Field", False)
