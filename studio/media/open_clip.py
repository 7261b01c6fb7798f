"""Open a stranger's clip: a named demuxer, a closed list of decoders, and no way to any other file."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.domain.errors import MediaError
from studio.media.limits import MAX_PIXELS
from studio.media.sniff import Container

if TYPE_CHECKING:
    from av.container import InputContainer

_DEMUXERS: dict[Container, str] = {"mp4": "mov", "mov": "mov", "webm": "matroska", "avi": "avi"}
DECODERS = (
    *("h264", "hevc", "vp8", "libvpx", "vp9", "libvpx-vp9", "av1", "libdav1d", "mpeg4", "msmpeg4", "mpeg2video"),
    *("mjpeg", "prores", "dnxhd", "cfhd", "ffv1", "huffyuv", "ffvhuff", "utvideo", "rawvideo", "png", "qtrle"),
)
AGAIN = "Copy or download it again, or convert it to mp4."


@contextlib.contextmanager
def opened(path: Path, kind: Container, decoders: tuple[str, ...] = ()) -> Iterator[InputContainer]:
    """A clip opened by its sniffed kind; every failure of the decoder inside the block becomes a MediaError.

    decoders: what may be decoded besides pictures.
    """
    import av

    # the demuxer gets a file handle, not a name, and an empty list of protocols: it can open nothing else
    options = {"protocol_whitelist": "none", "codec_whitelist": ",".join((*DECODERS, *decoders))}
    with (
        damage_told(path.name),
        path.open("rb") as file,
        av.open(file, "r", format=_DEMUXERS[kind], options=options, metadata_errors="replace") as container,
    ):
        yield container


@contextlib.contextmanager
def damage_told(name: str) -> Iterator[None]:
    """Every failure of reading inside the block as a MediaError about the file `name`."""
    import av

    try:
        yield
    except av.error.FFmpegError as error:
        raise MediaError(f"{name} is damaged or breaks off ({error.strerror}).", AGAIN) from None
    except (OSError, ValueError, UnicodeError, OverflowError) as error:
        raise MediaError(f"{name} cannot be read ({error}).", AGAIN) from None


def video_stream(container: InputContainer, name: str) -> Any:
    """The first real video stream, ready to decode. Raises MediaError where there is none that may be decoded."""
    import av

    cover = av.stream.Disposition.attached_pic
    streams = [s for s in container.streams.video if not s.disposition & cover]
    if not streams:
        what = "only sound" if container.streams.audio else "no pictures"
        raise MediaError(f"{name} holds {what}.", "Choose a file with a video track.")
    stream: Any = streams[0]
    context = stream.codec_context
    if context is None or context.name not in DECODERS:
        codec = "an unknown codec" if context is None else f"the codec {context.name}"
        raise MediaError(f"{name} uses {codec}, which is not read here.", "Convert it to mp4 (H.264).")
    context.options = {"max_pixels": str(MAX_PIXELS)}
    context.thread_type = "SLICE"
    return stream
