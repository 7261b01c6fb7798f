"""Pictures of every common make: rotation, transparency, depth, profiles, animation."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms

from studio.media import probe, read_frames, read_image
from studio.media.pictures import GREY
from tests.studio.media.samples import close_and_in_order, moving, psnr

RGB = moving(1, 32, 24).pixels[0]


def saved(path: Path, image: Image.Image, **options: object) -> Path:
    image.save(path, **options)
    return path


def test_a_png_comes_back_exactly(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", Image.fromarray(RGB))
    assert np.array_equal(read_image(path).pixels[0], RGB)
    info = probe(path)
    assert (info.kind, info.width, info.height, info.num_frames, info.container) == ("image", 32, 24, 1, "png")
    assert not info.has_alpha and info.rotation == 0


def test_the_name_of_a_picture_does_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    Image.fromarray(RGB).save(path, format="PNG")
    assert probe(path).container == "png"


@pytest.mark.parametrize(
    ("orientation", "turned"),
    [
        (1, RGB),
        (2, RGB[:, ::-1]),
        (3, RGB[::-1, ::-1]),
        (4, RGB[::-1]),
        (5, RGB.transpose(1, 0, 2)),
        (6, np.rot90(RGB, -1)),
        (7, RGB.transpose(1, 0, 2)[::-1, ::-1]),
        (8, np.rot90(RGB, 1)),
    ],
)
def test_every_exif_rotation_is_applied(tmp_path: Path, orientation: int, turned: NDArray[np.uint8]) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = saved(tmp_path / "a.png", Image.fromarray(RGB), exif=exif.tobytes())
    assert np.array_equal(read_image(path).pixels[0], turned)
    info = probe(path)
    assert (info.height, info.width) == turned.shape[:2]


def test_transparent_parts_lie_over_grey_and_are_told(tmp_path: Path) -> None:
    clear = np.dstack([RGB, np.full(RGB.shape[:2], 255, np.uint8)])
    clear[:12, :, 3] = 0
    path = saved(tmp_path / "a.png", Image.fromarray(clear, "RGBA"))
    read = read_image(path).pixels[0]
    assert np.array_equal(read[12:], RGB[12:]) and (read[:12] == GREY).all()
    assert (read_image(path, background=(0, 0, 0)).pixels[0][:12] == 0).all()
    assert probe(path).has_alpha


def test_a_palette_with_a_transparent_colour_lies_over_grey(tmp_path: Path) -> None:
    image = Image.new("P", (4, 4), 1)
    image.putpalette([0, 0, 0, 200, 10, 20])
    image.putpixel((0, 0), 0)
    path = saved(tmp_path / "a.png", image, transparency=0)
    read = read_image(path).pixels[0]
    assert tuple(read[0, 0]) == GREY and tuple(read[1, 1]) == (200, 10, 20)


GREYS = np.linspace(0, 255, 32).round().astype(np.uint8)[None].repeat(8, 0)
MODES: dict[str, Callable[[], Image.Image]] = {
    "8-bit grey": lambda: Image.fromarray(GREYS),
    "16-bit grey": lambda: Image.fromarray(GREYS.astype(np.uint16) * 257),
    "grey with alpha": lambda: Image.fromarray(GREYS).convert("LA"),
}


@pytest.mark.parametrize("make", MODES.values(), ids=MODES.keys())
def test_grey_pictures_of_any_depth_keep_their_brightness(tmp_path: Path, make: Callable[[], Image.Image]) -> None:
    read = read_image(saved(tmp_path / "a.png", make())).pixels[0]
    assert read.shape == (8, 32, 3)
    assert np.array_equal(read[..., 0], GREYS) and np.array_equal(read[..., 2], GREYS)


def test_a_one_bit_picture_is_black_and_white(tmp_path: Path) -> None:
    read = read_image(saved(tmp_path / "a.png", Image.fromarray(GREYS > 127))).pixels[0]
    assert set(np.unique(read)) == {0, 255} and np.array_equal(read[..., 1] == 255, GREYS > 127)


def test_a_cmyk_jpeg_has_its_colours(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.jpg", Image.fromarray(RGB).convert("CMYK"), quality=98)
    close_and_in_order(read_image(path).pixels, RGB[None], 33)


def test_a_colour_profile_is_brought_to_srgb(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = profile.replace(b"rXYZ", b"????").replace(b"bXYZ", b"rXYZ").replace(b"????", b"bXYZ")
    path = saved(tmp_path / "a.png", Image.fromarray(RGB), icc_profile=swapped)
    close_and_in_order(read_image(path).pixels, RGB[None, ..., ::-1], 40)


def test_a_broken_colour_profile_is_passed_over(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", Image.fromarray(RGB), icc_profile=b"no profile at all")
    assert np.array_equal(read_image(path).pixels[0], RGB)


@pytest.mark.parametrize("suffix", ["gif", "webp", "png"])
def test_an_animated_picture_is_a_clip(tmp_path: Path, suffix: str) -> None:
    frames = moving(6, 32, 24, 20.0)
    images = [Image.fromarray(p) for p in frames.pixels]
    options = {"lossless": True} if suffix == "webp" else {}
    path = saved(tmp_path / f"a.{suffix}", images[0], save_all=True, append_images=images[1:], duration=50, **options)
    info = probe(path)
    assert (info.kind, info.num_frames, info.fps, info.seconds) == ("clip", 6, pytest.approx(20), pytest.approx(0.3))
    read = read_frames(path)
    assert read.fps == pytest.approx(20)
    close_and_in_order(read.pixels, frames.pixels, 30 if suffix == "gif" else 60)
    assert psnr(read_image(path).pixels[0], frames.pixels[0]) > 30
    assert len(read_frames(path, max_frames=4)) == 4


def test_an_animation_of_uneven_times_is_evened_out(tmp_path: Path) -> None:
    colours = [(250, 0, 0), (0, 250, 0), (0, 0, 250)]
    images = [Image.new("RGB", (8, 8), c) for c in colours]
    path = saved(
        tmp_path / "a.webp", images[0], save_all=True, append_images=images[1:], duration=[400, 150, 50], lossless=True
    )
    read = read_frames(path)
    assert read.fps == pytest.approx(5)
    assert [tuple(p[0, 0]) for p in read.pixels] == [colours[0], colours[0], colours[1]]


def test_a_still_picture_reads_as_a_clip_of_one_frame(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", Image.fromarray(RGB))
    assert read_frames(path, size=(16, 12)).pixels.shape == (1, 12, 16, 3)
