"""Pictures and clips that requests name by the hash of their bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.domain.errors import MediaError
from projects_db.records import NotFound
from studio.library import Library
from tests.studio.library_samples import files, open_library, stored
from tests.studio.media.samples import png


@pytest.fixture
def library(home: Path) -> Iterator[Library]:
    opened = open_library(home)
    yield opened
    opened.repository.close()


def test_a_picture_is_kept_under_the_hash_of_its_bytes(library: Library) -> None:
    data = png()
    sha256 = hashlib.sha256(data).hexdigest()
    row = library.add_media(data, "ball.png")
    assert (row.sha256, row.kind, row.width, row.height, row.original_name) == (sha256, "image", 8, 8, "ball.png")
    assert row.path == f"media/{sha256[:2]}/{sha256}.png"
    assert library.media_path(sha256).read_bytes() == data
    assert files(library) == {row.path}


def test_the_same_bytes_are_kept_once_and_mended_where_the_file_is_gone(library: Library, tmp_path: Path) -> None:
    row = library.add_media(png(), "ball.png")
    copy = tmp_path / "other.png"
    copy.write_bytes(png())
    assert library.add_media(copy, "other.png") == row
    library.media_path(row.sha256).unlink()
    with pytest.raises(MediaError, match="ball.png"):
        library.media_path(row.sha256)
    assert library.add_media(copy, "other.png") == row
    assert library.media_path(row.sha256).is_file()
    assert copy.is_file()


def test_a_clip_is_media_too(library: Library) -> None:
    clip = stored(library)
    row = library.add_media(library.clip_path(clip), "source.mp4")
    assert (row.kind, row.num_frames, row.fps) == ("clip", 5, 8.0)


@pytest.mark.parametrize("name", ["../../evil.png", "..\\..\\evil.png", "/etc/evil.png", "evil.png\n", "é" * 400, ""])
def test_no_name_leads_out_of_the_media_folder(library: Library, name: str) -> None:
    row = library.add_media(png(), name)
    assert files(library) == {row.path}
    assert "/" not in row.original_name and "\\" not in row.original_name


@pytest.mark.parametrize("data", [b"", b"no picture", png()[:40], b"#EXTM3U\nhttp://example.com/a.ts\n"])
def test_what_is_no_picture_or_clip_is_refused_and_leaves_nothing(library: Library, data: bytes) -> None:
    with pytest.raises(MediaError):
        library.add_media(data, "picture.png")
    assert files(library) == set()
    assert not [*library.home.incoming.iterdir()]


def test_a_file_that_is_not_there_is_told(library: Library, tmp_path: Path) -> None:
    with pytest.raises(MediaError):
        library.add_media(tmp_path / "gone.png", "gone.png")
    with pytest.raises(NotFound):
        library.media_path("0" * 64)
