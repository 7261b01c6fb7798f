"""Reading ahead: what comes next lies in the file cache when its turn comes, and what runs is left in peace."""

from __future__ import annotations

import ctypes
import mmap
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.domain.frames import Frames
from pipelines.families import family_named
from pipelines.families.family import Progress
from pipelines.models.ahead import ReadAhead, weight_files
from pipelines.models.catalog import Catalog
from pipelines.models.device import measure
from pipelines.models.manager import ModelManager
from tests.checkpoints import tiny as checkpoints
from tests.pipelines.conftest import smallest_request

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what its file cache holds")


def cached(path: Path) -> float:
    """The share of a file's pages that lie in the file cache."""
    size = path.stat().st_size
    pages = -(-size // mmap.PAGESIZE)
    libc = ctypes.CDLL(None, use_errno=True)
    with path.open("r+b") as file, mmap.mmap(file.fileno(), size) as mapped:
        there = (ctypes.c_ubyte * pages)()
        start = (ctypes.c_char * size).from_buffer(mapped)
        failed = libc.mincore(ctypes.c_void_p(ctypes.addressof(start)), ctypes.c_size_t(size), there)
        del start
        assert not failed, os.strerror(ctypes.get_errno())
        return sum(byte & 1 for byte in there) / pages


def drop(path: Path) -> None:
    """Have the system forget what it holds of a file."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


@pytest.fixture
def catalog(tiny_folder: Path, tmp_path: Path) -> Catalog:
    """Two families: a Wan VACE, and CogVideoX."""
    shutil.copytree(tiny_folder, tmp_path / "models" / "wan")
    card = next(card for card in family_named("cogvideox").published(Path("models")) if "5b" in card.id)
    shutil.copytree(checkpoints.write(tmp_path / "tiny", card), tmp_path / "models" / "cog")
    return Catalog(tmp_path)


def make(manager: ModelManager, name: str, on_progress: Callable[[Progress], None]) -> Frames:
    request = smallest_request(manager.catalog.card(name), steps=4)
    with manager.use(name, request, on_progress) as model:
        return model.generate(request, {}, on_progress)


def quiet(progress: Progress) -> None:
    pass


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_the_next_model_s_weights_are_read_while_another_denoises_and_the_clip_says_so(catalog: Catalog) -> None:
    manager = ModelManager(catalog, measure())
    plain = make(manager, "wan", quiet)
    folder = catalog.card("cog").folder
    files = weight_files(sorted(child for child in folder.iterdir() if child.is_dir()))
    for path in files:
        drop(path)
    if any(cached(path) == 1.0 for path in files):
        pytest.skip("this file system forgets nothing, so that reading ahead would show nothing")

    def looking_ahead(progress: Progress) -> None:
        if progress.stage == "denoising" and progress.step == 1:
            manager.read_ahead("cog")

    assert make(manager, "wan", looking_ahead).digest() == plain.digest()
    manager.ahead.wait()
    assert len(files) >= 3 and [cached(path) for path in files] == [1.0] * len(files)
    make(manager, "cog", quiet)
    run = manager.last_run
    assert run is not None and run.ahead_bytes == sum(path.stat().st_size for path in files)
    make(manager, "wan", quiet)
    assert manager.last_run is not None and manager.last_run.ahead_bytes == 0


def test_what_is_in_memory_is_not_read_again_and_an_unknown_model_is_no_trouble(catalog: Catalog) -> None:
    manager = ModelManager(catalog, measure())
    make(manager, "wan", quiet)
    for name in ("wan", "nobody"):
        manager.read_ahead(name)
        manager.ahead.wait()
    with manager.use("wan", smallest_request(catalog.card("wan")), quiet):
        assert manager.ahead.taken([key.folder for key in manager.components]) == 0


def test_no_more_is_read_than_there_is_room_for(tmp_path: Path) -> None:
    for name, size in (("a", 3000), ("b", 5000), ("c", 10)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.safetensors").write_bytes(bytes(size))
    folders = [tmp_path / name for name in "abc"]
    ahead = ReadAhead(room=lambda: 4000)
    ahead.begin(lambda: weight_files(folders))
    ahead.wait()
    assert ahead.taken(folders) == 3000
    assert ahead.taken(folders) == 0


def test_a_component_that_is_one_file_is_read_too(tmp_path: Path) -> None:
    single = tmp_path / "transformer.gguf"
    single.write_bytes(bytes(7000))
    ahead = ReadAhead(room=lambda: 10**9)
    ahead.begin(lambda: weight_files([single]))
    ahead.wait()
    assert ahead.taken([single]) == 7000


def test_a_file_that_goes_away_ends_the_reading_quietly(tmp_path: Path) -> None:
    ahead = ReadAhead(room=lambda: 10**9)
    ahead.begin(lambda: (tmp_path / "gone.safetensors",))
    ahead.wait()
    assert ahead.taken([tmp_path]) == 0
