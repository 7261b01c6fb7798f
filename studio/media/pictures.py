"""Still and animated pictures (PNG, JPEG, WebP, GIF), read with Pillow within bounds, as upright opaque sRGB."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pipelines.domain.errors import GimbalError, MediaError
from pipelines.domain.frames import Frames
from studio.media.limits import MAX_PIXELS, MAX_SIDE
from studio.media.sniff import PICTURES, Container, media_container

if TYPE_CHECKING:
    from PIL import Image

GREY = (127, 127, 127)
"""What stands behind transparent parts: the neutral grey that models read as nothing given."""

_FORMATS: dict[Container, str] = {"png": "PNG", "jpeg": "JPEG", "webp": "WEBP", "gif": "GIF"}
AGAIN = "Copy or download it again, or save it anew as PNG."


def read_image(path: Path, *, background: tuple[int, int, int] = GREY) -> Frames:
    """A picture as Frames of length 1 (fps 1): EXIF rotation applied, colours in sRGB, transparency over `background`.

    Of an animated picture, the first one. Raises MediaError where it is no picture, damaged or over 64 megapixels.
    """
    kind = media_container(path)
    if kind not in PICTURES:
        raise MediaError(f"{path.name} is a clip, not a picture.", "Choose a PNG, JPEG or WebP picture.")
    with picture_file(path, kind) as image:
        return Frames(rgb(image, background)[None], 1.0)


@contextlib.contextmanager
def picture_file(path: Path, kind: Container) -> Iterator[Image.Image]:
    """A picture opened by its sniffed kind with checked size; every failure inside becomes a MediaError."""
    from PIL import Image

    try:
        with Image.open(path, formats=(_FORMATS[kind],)) as image:
            check_size(*image.size, path.name)
            yield image
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise MediaError(f"{path.name} has more than {MAX_PIXELS // 10**6} megapixels.", "Make it smaller.") from None
    except GimbalError:
        raise
    except Exception as error:  # Pillow's readers fail with whatever damaged bytes make them trip over
        raise MediaError(f"{path.name} is damaged or breaks off ({str(error)[:80]}).", AGAIN) from None


def check_size(width: int, height: int, name: str) -> None:
    """Raises MediaError where a picture is larger than what is read."""
    if width < 1 or height < 1:
        raise MediaError(f"{name} has no size ({width}x{height}).", AGAIN)
    if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE:
        most = f"{MAX_PIXELS // 10**6} megapixels and {MAX_SIDE:,} pixels a side are the most"
        raise MediaError(f"{name} is {width}x{height}; {most}.", "Make it smaller first.")


def has_alpha(image: Image.Image) -> bool:
    """Whether a picture has transparent parts to be filled."""
    return image.has_transparency_data


def rgb(image: Image.Image, background: tuple[int, int, int] = GREY) -> NDArray[np.uint8]:
    """The current picture of an open file as uint8 (H, W, 3): upright, sRGB, transparency over `background`."""
    from PIL import Image, ImageOps

    image.load()
    upright = ImageOps.exif_transpose(image)
    if upright.mode.startswith("I") or upright.mode == "F":
        return _deep(upright)
    if not has_alpha(upright):
        return np.asarray(_srgb(upright))
    clear = upright.convert("RGBA")
    under = Image.new("RGBA", clear.size, (*background, 255))
    return np.asarray(Image.alpha_composite(under, clear).convert("RGB"))


def _deep(image: Image.Image) -> NDArray[np.uint8]:
    """16-bit grey: Pillow would cut it off at 255, so take the high byte."""
    values = np.asarray(image).astype(np.float64)
    grey = np.clip(np.round(values / 257), 0, 255).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def _srgb(image: Image.Image) -> Image.Image:
    """Colours by the picture's own profile where it has a usable one (phones' wide colours, print CMYK)."""
    from PIL import ImageCms

    profile = image.info.get("icc_profile")
    if isinstance(profile, bytes) and image.mode in ("RGB", "CMYK", "L"):
        try:
            own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(image, own, ImageCms.createProfile("sRGB"), outputMode="RGB")
            return converted if converted is not None else image.convert("RGB")
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            return image.convert("RGB")
    return image.convert("RGB")
