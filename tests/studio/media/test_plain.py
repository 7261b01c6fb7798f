"""Pictures of every make become one that all programs show alike, and what was done is told."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipelines.domain.errors import MediaError
from studio.media.plain import MAX_SIDE, plain
from tests.studio.media.samples import moving

RGB = moving(1, 64, 48).pixels[0]


def pixels(data: bytes | None) -> np.ndarray:
    assert data is not None
    return np.asarray(Image.open(io.BytesIO(data)))


def test_a_plain_picture_stays_the_file_it_is(tmp_path: Path) -> None:
    Image.fromarray(RGB).save(tmp_path / "a.png")
    made = plain(tmp_path / "a.png")
    assert (made.data, made.notes) == (None, ())


def test_a_transparent_picture_lies_over_grey(tmp_path: Path) -> None:
    clear = Image.fromarray(RGB)
    clear.putalpha(0)
    clear.save(tmp_path / "a.png")
    made = plain(tmp_path / "a.png")
    assert (pixels(made.data) == 127).all() and "grey" in made.notes[0]


def test_a_turned_photo_is_made_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(RGB).save(tmp_path / "a.png", exif=exif)
    made = plain(tmp_path / "a.png")
    assert np.array_equal(pixels(made.data), np.rot90(RGB, -1)) and "upright" in made.notes[0]


def test_of_an_animation_the_first_frame_is_taken(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (64, 48), (value, 0, 0)) for value in (200, 10)]
    frames[0].save(tmp_path / "a.webp", save_all=True, append_images=frames[1:], duration=100, lossless=True)
    made = plain(tmp_path / "a.webp")
    assert pixels(made.data)[0, 0, 0] == 200 and "2 frames" in made.notes[0]


def test_a_single_pixel_is_taken_and_told(tmp_path: Path) -> None:
    Image.new("RGB", (1, 1), (9, 9, 9)).save(tmp_path / "a.png")
    assert "1 × 1" in plain(tmp_path / "a.png").notes[0]


def test_a_huge_picture_is_brought_to_a_bounded_size(tmp_path: Path) -> None:
    Image.new("RGB", (7800, 7700), (0, 90, 0)).save(tmp_path / "a.png", compress_level=1)
    made = plain(tmp_path / "a.png")
    assert max(pixels(made.data).shape) == MAX_SIDE and "7800 × 7700" in made.notes[0]


@pytest.mark.parametrize("data", [b"", b"no picture", b"\x89PNG\r\n\x1a\n" + b"\0" * 40])
def test_what_is_no_picture_is_refused_in_words(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.png").write_bytes(data)
    with pytest.raises(MediaError) as caught:
        plain(tmp_path / "a.png")
    assert caught.value.hint
