"""What a picture or clip is, looked up without reading all of it."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pipelines.domain.errors import MediaError
from studio.media.gif_comment import count_pictures
from studio.media.limits import MAX_DECODED_BYTES, MAX_FPS, MAX_FRAMES, MAX_SECONDS
from studio.media.open_clip import AGAIN, opened, video_stream
from studio.media.pictures import check_size, has_alpha, picture_file
from studio.media.sniff import PICTURES, Container, media_container

_TURNED = (5, 6, 7, 8)
_ORIENTATION = 0x0112


@dataclass(frozen=True, kw_only=True)
class MediaInfo:
    """A picture or clip as it is shown: width and height after rotation, in pixels.

    num_frames: 1 for a picture. fps: average frames per second (1 for a picture). seconds: 0 for a picture.
    rotation: degrees counter-clockwise that were applied. has_alpha: transparent parts lie over grey when read.
    """

    kind: Literal["image", "clip"]
    width: int
    height: int
    num_frames: int | None
    fps: float
    seconds: float
    rotation: int
    has_alpha: bool
    container: Container


def probe(path: Path) -> MediaInfo:
    """What a file is. Decodes its first picture, so that what passes here can be shown.

    Raises MediaError where it is no picture or clip of a known kind, damaged, or over the limits.
    """
    kind = media_container(path)
    return _probe_picture(path, kind) if kind in PICTURES else _probe_clip(path, kind)


def _probe_picture(path: Path, kind: Container) -> MediaInfo:
    with picture_file(path, kind) as image:
        width, height = image.size
        turned = image.getexif().get(_ORIENTATION) in _TURNED
        image.load()
        alpha = has_alpha(image)
        frames = count_pictures(path) if kind == "gif" else int(getattr(image, "n_frames", 1))
        _check_length(path.name, frames, 0.0)
        if frames > 1 and frames * width * height * 3 > MAX_DECODED_BYTES:
            raise MediaError(f"{path.name} is too large an animation.", "Convert it to mp4 first.")
        seconds = _animation_seconds(image, frames) if frames > 1 else 0.0
    return MediaInfo(
        kind="clip" if frames > 1 else "image",
        width=height if turned else width,
        height=width if turned else height,
        num_frames=frames,
        fps=frames / seconds if seconds else 1.0,
        seconds=seconds,
        rotation=90 if turned else 0,
        has_alpha=alpha,
        container=kind,
    )


def _animation_seconds(image: Any, frames: int) -> float:
    from studio.media.clips import picture_seconds

    seconds = 0.0
    for index in range(frames):
        image.seek(index)
        image.load()
        seconds += picture_seconds(image.info.get("duration"))
    return seconds


def _probe_clip(path: Path, kind: Container) -> MediaInfo:
    with opened(path, kind) as container:
        stream = video_stream(container, path.name)
        rate = stream.average_rate or stream.guessed_rate or stream.base_rate
        fps = float(rate) if rate else 0.0
        if not 0 < fps <= MAX_FPS or not math.isfinite(fps):
            raise MediaError(f"{path.name} tells no usable frame rate.", AGAIN)
        check_size(stream.codec_context.width, stream.codec_context.height, path.name)
        first = next(container.decode(stream), None)
        if first is None:
            raise MediaError(f"{path.name} holds no readable frames.", AGAIN)
        turn = round(first.rotation / 90) % 4 * 90
        size = (first.width, first.height) if turn % 180 == 0 else (first.height, first.width)
        alpha = any(c.is_alpha for c in first.format.components)
        frames = int(stream.frames) or _count_packets(path, kind)
        seconds = frames / fps
        _check_length(path.name, frames, seconds)
    return MediaInfo(
        kind="clip",
        width=size[0],
        height=size[1],
        num_frames=frames,
        fps=fps,
        seconds=seconds,
        rotation=turn,
        has_alpha=alpha,
        container=kind,
    )


def _count_packets(path: Path, kind: Container) -> int:
    """For containers that do not tell how many frames they hold; stops one above the limit."""
    with opened(path, kind) as container:
        packets = container.demux(video_stream(container, path.name))
        return sum(1 for packet in itertools.islice(packets, MAX_FRAMES + 1) if packet.size > 0)


def _check_length(name: str, frames: int, seconds: float) -> None:
    if frames > MAX_FRAMES:
        raise MediaError(f"{name} has more than {MAX_FRAMES:,} frames.", "Cut it first.")
    if seconds > MAX_SECONDS:
        raise MediaError(f"{name} is longer than {MAX_SECONDS / 60:.0f} minutes.", "Cut it first.")
