"""A start picture on its way to a model: warp and mask in the library, whatever kind of picture a person brings."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipelines.domain.camera.plan_text import path_from_text
from pipelines.domain.conditioning import MaskClip, SourceClip, StartImage
from pipelines.domain.errors import InvalidRequest, MediaError
from studio.camera.beside import Beside
from studio.camera.compile import compiled_with_picture, route_for, takes_pictures, told
from studio.camera.picture import Pictures, preview_size
from studio.library import Library
from studio.media import read_frames, read_image
from studio.media.plain import plain
from tests.studio.camera.test_compile import ORBIT, REQUEST, TAKES_DEPTH, WORDS_ONLY
from tests.studio.library_samples import open_library

TAKES_WARP = dataclasses.replace(WORDS_ONLY, conditionings=frozenset({SourceClip.kind, MaskClip.kind, StartImage.kind}))
STARTS = dataclasses.replace(WORDS_ONLY, conditionings=frozenset({StartImage.kind}))


@pytest.fixture(scope="module")
def beside() -> Iterator[Beside]:
    """One for all tests here: it imports torch once."""
    one = Beside("pictures")
    yield one
    one.close()


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return open_library(tmp_path / "home")


@pytest.fixture
def pictures(beside: Beside, library: Library) -> Pictures:
    return Pictures(beside, library)


def brought(library: Library, image: Image.Image, folder: Path, name: str = "start.png", **options: object) -> str:
    """A picture as the window keeps it."""
    folder.mkdir(exist_ok=True)
    image.save(folder / name, **options)
    made = plain(folder / name)
    return library.add_media(made.data or folder / name, name).sha256


def toy(size: tuple[int, int] = (192, 128)) -> Image.Image:
    """A red box on a green ground under a blue sky."""
    image = Image.new("RGB", size, (130, 160, 220))
    wide, high = size
    image.paste((90, 140, 90), (0, high // 2, wide, high))
    image.paste((220, 30, 30), (wide * 3 // 8, high * 3 // 8, wide * 5 // 8, high * 3 // 4))
    return image


def test_a_start_picture_needs_a_model_that_takes_one_and_the_loss_is_told() -> None:
    assert [route_for(can, picture=True) for can in (TAKES_WARP, STARTS, WORDS_ONLY)] == ["warp", "words", "words"]
    assert [takes_pictures(can) for can in (TAKES_WARP, STARTS, TAKES_DEPTH)] == [True, True, False]
    poses = dataclasses.replace(STARTS, cameras=frozenset({"poses", "moves"}))
    assert route_for(poses) == route_for(poses, picture=True) == "poses"
    assert (route_for(TAKES_DEPTH), route_for(TAKES_DEPTH, picture=True)) == ("depth", "words")
    assert "mask" in told("warp").gets and "estimated" in told("warp").lost


def test_a_preview_of_a_long_clip_is_smaller_so_that_it_stays_quick() -> None:
    assert preview_size(1.5, 17) == (256, 171) and preview_size(0.5, 17) == (128, 256)
    wide, high = preview_size(1.0, 81)
    assert 81 * wide * high < 34 * 256 * 256


@pytest.mark.toybox
def test_a_picture_becomes_its_warp_and_a_mask_and_starts_the_clip(
    pictures: Pictures, library: Library, tmp_path: Path
) -> None:
    media = brought(library, toy(), tmp_path / "in")
    shown = pictures.shown({"media": media, "mode": "fill"}, REQUEST.width, REQUEST.height)
    ready = compiled_with_picture(REQUEST, ORBIT, shown, TAKES_WARP, pictures)
    source, mask, start = ready.conditioning
    assert isinstance(source, SourceClip) and isinstance(mask, MaskClip) and isinstance(start, StartImage)
    assert ready.camera == ORBIT and ready.prompt == REQUEST.prompt
    frames, holes = (read_frames(library.media_path(part.media)).pixels for part in (source, mask))
    assert frames.shape == holes.shape == (9, 64, 96, 3)
    first = read_image(library.media_path(start.media)).pixels[0]
    assert np.abs(frames[0].astype(int) - first).mean() < 4 and holes[0].max() < 20
    assert holes[8].mean() > holes[2].mean() > 1
    assert np.abs(frames[8][holes[8][..., 0] > 250].astype(int) - 128).mean() < 6
    again = compiled_with_picture(REQUEST, ORBIT, shown, TAKES_WARP, pictures)
    assert again == ready
    words = compiled_with_picture(REQUEST, ORBIT, shown, STARTS, pictures)
    assert [part.kind for part in words.conditioning] == ["start_image"] and "orbits left" in words.prompt


@pytest.mark.toybox
def test_the_page_is_given_the_relief_and_the_film_of_a_picture(
    pictures: Pictures, library: Library, tmp_path: Path
) -> None:
    media = brought(library, toy(), tmp_path / "in")
    relief = pictures.relief(pictures.shown({"media": media}, 256, 171)).result(120)
    assert (relief["columns"], relief["rows"]) == (72, 48)
    film = pictures.play(pictures.shown({"media": media}, 96, 64), path_from_text("truck left 1"), 7).result(120)
    assert film.unseen[0] == 0 < film.unseen[-1] < 1 and len(film.unseen) == 7
    assert film.columns == 3 and film.sheet.startswith(b"\xff\xd8")


@pytest.mark.toybox
@pytest.mark.parametrize(
    ("image", "options"),
    [
        (Image.new("RGBA", (60, 40), (200, 30, 30, 90)), {}),
        (Image.new("RGB", (1, 1), (9, 9, 9)), {}),
        (Image.new("L", (7, 300), 80), {}),
        (Image.new("P", (40, 40)), {}),
        (Image.new("RGB", (9000, 6700), (40, 90, 160)), {}),
    ],
    ids=["clear", "one pixel", "narrow", "palette", "60 megapixels"],
)
def test_any_picture_can_be_moved(
    pictures: Pictures, library: Library, tmp_path: Path, image: Image.Image, options: dict[str, object]
) -> None:
    media = brought(library, image, tmp_path / "in", **options)
    film = pictures.play(pictures.shown({"media": media}, 64, 64), ORBIT, 3).result(120)
    assert len(film.unseen) == 3


def test_what_is_no_picture_or_no_frame_on_one_is_refused(pictures: Pictures, library: Library, tmp_path: Path) -> None:
    for wrong in (None, [], {"media": 7}, {}):
        with pytest.raises(InvalidRequest):
            pictures.shown(wrong, 64, 64)
    media = brought(library, toy(), tmp_path / "in")
    for patch in ({"mode": "stretch"}, {"x": "left"}):
        with pytest.raises(InvalidRequest):
            pictures.shown({"media": media, **patch}, 64, 64)
    with pytest.raises(InvalidRequest):
        pictures.shown({"media": media}, 0, 64)
    library.media_path(media).unlink()
    with pytest.raises(MediaError):
        pictures.shown({"media": media}, 64, 64)
