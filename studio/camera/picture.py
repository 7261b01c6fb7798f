"""A start picture moved by a camera path: what is asked of the process beside the window, and its work there."""

from __future__ import annotations

import base64
import io
import tempfile
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, fields
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pipelines.domain.camera.path import CameraPath
from pipelines.domain.errors import InvalidRequest, Problem
from studio.camera.beside import Beside
from studio.media.framing import Framing

if TYPE_CHECKING:
    from pipelines.conditioning.depth_model import DepthModel
    from pipelines.conditioning.lift import Lifted
    from pipelines.domain.camera.warp import Warped
    from studio.library import Library

GRID = 72
"""Columns or rows of the coarse depth that a page draws and strokes with, along the picture's longer side."""
PREVIEW_PIXELS = 256
FRAMES_AT_FULL_SIZE = 33
HATCH = (232, 148, 58)
SIZES = (1, 8192)


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A picture file as its frame shows it, at a size in pixels."""

    file: str
    framing: Framing
    width: int
    height: int


@dataclass(frozen=True, kw_only=True)
class Played:
    """A path played as a warp: `sheet` a JPEG of frames in rows of `columns`; `unseen` the share of holes per frame."""

    sheet: bytes
    columns: int
    width: int
    height: int
    unseen: list[float]


@dataclass(frozen=True, kw_only=True)
class Compiled:
    """Content hashes of what a model is given of a moved picture."""

    picture: str
    warp: str
    mask: str


class Pictures:
    """Start pictures of the Camera tab. Depth and warps are made in a process beside the window."""

    def __init__(self, beside: Beside, library: Library) -> None:
        self._beside = beside
        self._library = library

    def close(self) -> None:
        """End the process."""
        self._beside.close()

    def shown(self, picture: Any, width: int, height: int) -> Shown:
        """A picture as a page tells of it, {"media", "mode", "x", ...}. Raises InvalidRequest, MediaError, NotFound."""
        if not isinstance(picture, Mapping) or not isinstance(picture.get("media"), str):
            raise _refuse("There is no start picture.", "Choose one.")
        if not all(SIZES[0] <= side <= SIZES[1] for side in (width, height)):
            raise _refuse("The size is none that a clip can have.", "Choose another size.")
        known = {field.name for field in fields(Framing)}
        framing = Framing(**{name: value for name, value in picture.items() if name in known})
        if framing.mode not in ("fit", "fill", "crop") or not all(
            isinstance(value, int | float) for value in (framing.x, framing.y, framing.zoom)
        ):
            raise _refuse("The frame on the picture is none.", "Set it anew.")
        file = self._library.media_path(picture["media"])
        return Shown(file=str(file), framing=framing, width=width, height=height)

    def relief(self, shown: Shown) -> Future[dict[str, Any]]:
        """The picture's coarse colours and depth, for a page to draw."""
        return self._beside.ask(relief, shown)

    def play(self, shown: Shown, path: CameraPath, num_frames: int) -> Future[Played]:
        """The path as a warp of the picture, holes marked."""
        return self._beside.ask(play, shown, path, num_frames)

    def given(self, shown: Shown, path: CameraPath, num_frames: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """The warp and the mask as frames (T, H, W, 3): what the model is given, at the size of `shown`."""
        return self._beside.ask(given, shown, path, num_frames).result()

    def keep(self, shown: Shown) -> str:
        """The content hash of the picture as its frame shows it, kept in the library."""
        return self._library.add_media(self._beside.ask(as_png, shown).result(), FILES[0]).sha256

    def compile(self, shown: Shown, path: CameraPath, num_frames: int, fps: float) -> Compiled:
        """The picture as it is shown, its warp and the mask, kept in the library.

        Raises InvalidRequest, MediaError, WorkerDied, StorageError.
        """
        with tempfile.TemporaryDirectory(prefix="gimbal-camera-") as folder:
            self._beside.ask(write, shown, path, num_frames, fps, folder).result()
            picture, warp, mask = (self._library.add_media(Path(folder) / name, name).sha256 for name in FILES)
        return Compiled(picture=picture, warp=warp, mask=mask)


FILES = ("camera-start.png", "camera-warp.mp4", "camera-unseen.mp4")


def preview_size(aspect: float, num_frames: int) -> tuple[int, int]:
    """Width and height of a preview: PREVIEW_PIXELS on the longer side, less for long clips, so that it stays quick."""
    longer = PREVIEW_PIXELS * min(1.0, (FRAMES_AT_FULL_SIZE / max(1, num_frames)) ** 0.5)
    shorter = max(16.0, longer * min(aspect, 1 / aspect))
    sides = (longer, shorter) if aspect >= 1 else (shorter, longer)
    return round(sides[0]), round(sides[1])


# -- the work in the process beside the window


def relief(shown: Shown) -> dict[str, Any]:
    """Coarse colours and closeness of a picture as base64: uint8 RGB and little-endian float32, row by row."""
    import cv2

    lift = _lifted(shown)
    scale = GRID / max(shown.width, shown.height)
    size = (max(1, round(shown.width * scale)), max(1, round(shown.height * scale)))
    colours = cv2.resize(lift.picture, size, interpolation=cv2.INTER_AREA)
    near = cv2.resize(lift.closeness, size, interpolation=cv2.INTER_NEAREST)
    coded = (base64.b64encode(part).decode() for part in (colours.tobytes(), near.astype("<f4").tobytes()))
    return dict(zip(("colours", "closeness"), coded, strict=True)) | {"columns": size[0], "rows": size[1]}


def play(shown: Shown, path: CameraPath, num_frames: int) -> Played:
    """See `Pictures.play`. Raises InvalidRequest where the path is not sound."""
    from PIL import Image

    from pipelines.conditioning.lift import unseen

    seen = _moved(shown, path, num_frames)
    frames = _marked(seen.frames, seen.holes)
    columns = max(1, round(num_frames**0.5))
    blank = np.zeros((-num_frames % columns, *frames.shape[1:]), np.uint8)
    tiles = np.concatenate([frames, blank]).reshape(-1, columns, *frames.shape[1:])
    sheet = tiles.transpose(0, 2, 1, 3, 4).reshape(-1, columns * shown.width, 3)
    out = io.BytesIO()
    Image.fromarray(sheet).save(out, "JPEG", quality=86)
    return Played(
        sheet=out.getvalue(), columns=columns, width=shown.width, height=shown.height, unseen=unseen(seen.holes)
    )


def write(shown: Shown, path: CameraPath, num_frames: int, fps: float, folder: str) -> None:
    """Write FILES into a folder: the picture as it is shown, its warp, the mask."""
    from studio.media.encode import encode_video, frame_rate
    from studio.media.master import MASTER

    (Path(folder) / FILES[0]).write_bytes(as_png(shown))
    for name, pixels in zip(FILES[1:], given(shown, path, num_frames), strict=True):
        encode_video(Path(folder) / name, pixels, frame_rate(fps), MASTER, {})


def given(shown: Shown, path: CameraPath, num_frames: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """See `Pictures.given`; grey stands where the mask is white."""
    from pipelines.conditioning.lift import mask_of

    seen = _moved(shown, path, num_frames)
    mask = mask_of(seen.holes)
    return np.where(mask > 127, np.uint8(128), seen.frames), mask


def as_png(shown: Shown) -> bytes:
    """The picture as its frame shows it."""
    from studio.media.plain import png

    return png(_picture(shown))


def _moved(shown: Shown, path: CameraPath, num_frames: int) -> Warped:
    from pipelines.conditioning.lift import moved

    return moved(_lifted(shown), path, num_frames)


def _marked(frames: NDArray[np.uint8], holes: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """The frames with their holes hatched, so that nobody takes them for a part of the picture."""
    rows, columns = np.indices(holes.shape[1:])
    hatch = np.where((((rows + columns) // 3) % 3 == 0)[..., None], HATCH, (26, 27, 30)).astype(np.uint8)
    return np.where(holes[..., None], hatch, frames)


@lru_cache(maxsize=4)
def _picture(shown: Shown) -> NDArray[np.uint8]:
    from studio.media.framing import framed

    return np.ascontiguousarray(framed(_read(shown.file), shown.framing, shown.width, shown.height))


@lru_cache(maxsize=2)
def _read(file: str) -> NDArray[np.uint8]:
    from studio.media import read_image

    return np.asarray(read_image(Path(file)).pixels[0])


@lru_cache(maxsize=4)
def _lifted(shown: Shown) -> Lifted:
    from pipelines.conditioning.lift import lifted

    picture = _picture(shown)
    return lifted(picture, _estimator().estimate(picture[None])[0])


@cache
def _estimator() -> DepthModel:
    from pipelines.conditioning import depth

    return depth.load()


def _refuse(message: str, hint: str) -> InvalidRequest:
    return InvalidRequest((Problem(field="camera", message=message, hint=hint),))
