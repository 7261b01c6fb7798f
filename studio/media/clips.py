"""Read a clip's frames: from a video file or an animated picture, upright, opaque, at a constant rate."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pipelines.domain.errors import MediaError
from pipelines.domain.frames import Frames
from studio.media.fitting import resized
from studio.media.info import probe
from studio.media.limits import MAX_DECODED_BYTES, MAX_FRAMES, MAX_SECONDS
from studio.media.open_clip import AGAIN, opened, video_stream
from studio.media.pictures import GREY, picture_file, rgb
from studio.media.sniff import PICTURES, media_container
from studio.media.timing import is_uniform, uniform

if TYPE_CHECKING:
    import av
    from av.container import InputContainer

_SWS_EXACT = 0x4 | 0x2000 | 0x4000 | 0x40000 | 0x80000
"""Bicubic, full chroma both ways, accurate rounding, bit-exact: the same pixels on every processor."""
_BT601, _BT709, _UNSPECIFIED = 5, 1, 2
_HD_HEIGHT = 720
Timed = tuple[float, float, NDArray[np.uint8]]


def read_frames(path: Path, *, max_frames: int = MAX_FRAMES, size: tuple[int, int] | None = None) -> Frames:
    """At most the first `max_frames` frames of a clip; a still picture gives one.

    size: (width, height) each frame is stretched to while reading (Lanczos), to save memory. Uneven rates are
    evened out by time at the clip's average rate; transparency lies over grey. Raises MediaError.
    """
    info = probe(path)
    width, height = size or (info.width, info.height)
    wanted = min(max_frames, info.num_frames or max_frames)
    if wanted * width * height * 3 > MAX_DECODED_BYTES:
        message = f"{path.name} is too large to hold in memory ({wanted} frames of {width}x{height})."
        raise MediaError(message, "Use a shorter or smaller clip.")
    timed = _picture_frames(path, max_frames) if info.container in PICTURES else _video_frames(path, max_frames)
    most = MAX_DECODED_BYTES // (width * height * 3)
    read = [(start, end, resized(picture, width, height)) for start, end, picture in itertools.islice(timed, most + 1)]
    if len(read) > most:
        raise MediaError(f"{path.name} holds more frames than it tells.", AGAIN)
    if not read:
        raise MediaError(f"{path.name} holds no readable frames.", AGAIN)
    starts = [start for start, _, _ in read]
    picked = list(range(len(read)))
    if len(read) > 1 and not is_uniform(starts, info.fps):
        picked = uniform(starts, min(read[-1][1] - starts[0], MAX_SECONDS), info.fps)[:max_frames]
    return Frames(np.stack([read[index][2] for index in picked]), info.fps)


def _picture_frames(path: Path, max_frames: int) -> Iterator[Timed]:
    kind = media_container(path)
    with picture_file(path, kind) as image:
        start = 0.0
        for index in range(min(max_frames, getattr(image, "n_frames", 1) if kind != "gif" else max_frames)):
            try:
                image.seek(index)
            except EOFError:
                return
            picture = rgb(image)
            end = start + picture_seconds(image.info.get("duration"))
            yield start, end, picture
            start = end


def picture_seconds(duration: Any) -> float:
    """How long a browser shows one picture of an animation: what is under 11 ms counts as 100 ms."""
    milliseconds = float(duration) if isinstance(duration, int | float) else 0.0
    return milliseconds / 1000 if 10 < milliseconds < 1000 * MAX_SECONDS else 0.1


def _video_frames(path: Path, max_frames: int) -> Iterator[Timed]:
    with opened(path, media_container(path)) as container:
        stream = video_stream(container, path.name)
        tick = float(1 / (stream.average_rate or stream.guessed_rate or 25))
        time = -tick
        for count, frame in enumerate(container.decode(stream), start=1):
            if frame.is_corrupt:
                raise MediaError(f"{path.name} is damaged at frame {count}.", AGAIN)
            time = float(frame.time) if frame.time is not None and frame.time > time else time + tick
            yield time, time + tick, upright_rgb(frame)
            if count >= max_frames:
                return
        _check_whole(path, container, stream, time + tick, tick)


def _check_whole(path: Path, container: InputContainer, stream: Any, end: float, tick: float) -> None:
    """A cut-off file decodes without complaint up to the cut; its header tells how long it should have been."""
    if stream.duration is not None:
        seconds = float(stream.duration * stream.time_base)
    elif container.duration is not None and len(container.streams) == 1:
        seconds = container.duration / 1_000_000
    else:
        return
    start = float((stream.start_time or 0) * stream.time_base)
    if end - start < seconds - max(1.5 * tick, 0.02 * seconds):
        message = f"{path.name} breaks off after {end - start:.1f} of {seconds:.1f} seconds."
        raise MediaError(message, AGAIN)


def upright_rgb(frame: av.VideoFrame) -> NDArray[np.uint8]:
    """A decoded frame as uint8 (H, W, 3), turned as its display matrix says, transparency over grey."""
    alpha = any(component.is_alpha for component in frame.format.components)
    matrix = int(frame.colorspace)
    if matrix == _UNSPECIFIED:
        matrix = _BT709 if frame.height >= _HD_HEIGHT else _BT601
    form = "rgba" if alpha else "rgb24"
    plain = frame.reformat(format=form, src_colorspace=matrix, interpolation=_SWS_EXACT)
    pixels = plain.to_ndarray()
    if alpha:
        cover = pixels[..., 3:].astype(np.uint16)
        mixed = pixels[..., :3] * cover + np.asarray(GREY, np.uint16) * (255 - cover)
        pixels = ((mixed + 127) // 255).astype(np.uint8)
    turns = round(frame.rotation / 90) % 4
    return np.ascontiguousarray(np.rot90(pixels, turns))
