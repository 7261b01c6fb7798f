"""The data folder: made at the first start, refused in plain words where it cannot be."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from pipelines.domain.errors import NoSpace, StorageError
from studio.home import Home, add_model, added_models, prepare, storage_error, write_atomically


def test_a_data_folder_is_made_with_all_its_rooms_and_made_again_without_harm(tmp_path: Path) -> None:
    home = prepare(tmp_path / "a" / "b")
    home.models_file.write_text("{}")
    again = prepare(tmp_path / "a" / "b")
    for room in (home.clips, home.posters, home.media, home.incoming, home.trash, home.logs, home.backups):
        assert room.is_dir()
    assert again == home and home.models_file.read_text() == "{}"
    assert list(home.incoming.iterdir()) == list(home.logs.iterdir()) == []


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(StorageError, match="taken") as caught:
        prepare(tmp_path / "taken")
    assert "GIMBAL_HOME" in caught.value.hint


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="the administrator may write everywhere")
def test_a_folder_that_is_read_only_is_told(tmp_path: Path) -> None:
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    with pytest.raises(StorageError, match="cannot be written"):
        prepare(tmp_path / "home")
    tmp_path.chmod(stat.S_IRWXU)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a file system that refuses new files")
def test_a_place_where_nothing_can_be_made_is_told() -> None:
    with pytest.raises(StorageError):
        prepare(Path("/proc/self/gimbal"))


@pytest.mark.parametrize(
    ("code", "kind"), [(errno.ENOSPC, NoSpace), (errno.EROFS, StorageError), (errno.EACCES, StorageError)]
)
def test_each_refusal_of_the_disk_has_its_words_and_a_next_step(code: int, kind: type[StorageError]) -> None:
    told = storage_error(OSError(code, os.strerror(code)), Path("somewhere"))
    assert type(told) is kind and "somewhere" in told.message and told.hint


def test_a_small_file_is_replaced_whole_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    write_atomically(tmp_path / "x.json", "one")
    write_atomically(tmp_path / "x.json", "two")
    assert (tmp_path / "x.json").read_text() == "two"
    assert os.listdir(tmp_path) == ["x.json"]


def test_added_models_are_kept_once_and_a_damaged_list_counts_as_empty(tmp_path: Path) -> None:
    home = prepare(tmp_path / "home")
    assert added_models(home) == ()
    for _ in range(2):
        add_model(home, tmp_path / "wan")
    assert added_models(home) == ((tmp_path / "wan").resolve(),)
    for damage in ("", "[]", '{"folders": 3}', "\x00"):
        Home(home.root).models_file.write_text(damage)
        assert added_models(home) == ()
