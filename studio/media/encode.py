"""Encode pictures to a video file: one way for the master clip and for every exported video format."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pipelines.domain.errors import MediaError

if TYPE_CHECKING:
    import av
    from av.filter import Graph

Picture = NDArray[np.uint8]
OnCount = Callable[[int], None]
_BT709 = 1
_LIMITED_RANGE = 1


@dataclass(frozen=True, kw_only=True)
class VideoCodec:
    """An encoder with its settings.

    tag: the four letters in the container, where the usual ones do not play.
    threads: 0 for as many as the machine has. Only 1 gives the same bytes each time (x264's differ with more).
    """

    encoder: str
    container: str
    pixel_format: str
    options: Mapping[str, str]
    tag: str | None = None
    threads: int = 0
    container_options: Mapping[str, str] = field(default_factory=dict)


MP4_TAGS: Mapping[str, str] = {"movflags": "+faststart+use_metadata_tags"}


def frame_rate(fps: float) -> Fraction:
    """The exact rate of an fps value; what NTSC rounds (23.976, 29.97, 59.94) becomes its n/1001."""
    ntsc = Fraction(1000 * round(fps * 1.001), 1001)
    if ntsc > 0 and fps != round(fps) and abs(float(ntsc) - fps) < 0.0006:
        return ntsc
    return max(Fraction(fps).limit_denominator(1001), Fraction(1, 1001))


def even(picture: Picture) -> Picture:
    """The picture with an odd width or height filled up by its last column or row again (4:2:0 needs even sides)."""
    height, width = picture.shape[:2]
    if height % 2 == 0 and width % 2 == 0:
        return picture
    return np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")


def encode_video(
    path: Path,
    pictures: Iterable[Picture],
    rate: Fraction,
    codec: VideoCodec,
    tags: Mapping[str, str],
    on_count: OnCount | None = None,
) -> int:
    """Write pictures (H, W, 3, uint8 RGB, equal sizes) to `path`; returns how many. BT.709, limited range, tagged.

    Odd sides grow by one pixel (`even`). Raises OSError where the disk refuses.
    """
    import av

    count = 0
    options = {"fflags": "+bitexact", **codec.container_options}
    with disk_errors(), av.open(str(path), "w", format=codec.container, options=options) as container:
        container.metadata.update(tags)
        stream, convert = None, None
        for count, picture in enumerate(map(even, pictures), start=1):
            if stream is None or convert is None:
                stream = _stream(container, codec, picture, rate)
                convert = Converter(picture, codec.pixel_format, rate)
            for frame in convert.push(picture, count - 1):
                container.mux(stream.encode(frame))
            if on_count is not None:
                on_count(count)
        if stream is None:
            raise MediaError("There are no frames to write.", "Choose a range with at least one frame.")
        container.mux(stream.encode(None))
    return count


@contextlib.contextmanager
def disk_errors() -> Iterator[None]:
    """Whatever FFmpeg fails with while it writes, as an OSError of the same number."""
    import av

    try:
        yield
    except av.error.FFmpegError as error:
        raise OSError(error.errno, error.strerror) from error


def _stream(container: av.container.OutputContainer, codec: VideoCodec, picture: Picture, rate: Fraction) -> Any:
    stream: Any = container.add_stream(codec.encoder, rate=rate, options=dict(codec.options))
    stream.height, stream.width = picture.shape[:2]
    stream.pix_fmt = codec.pixel_format
    context = stream.codec_context
    context.time_base = 1 / rate
    context.thread_count = codec.threads
    if not codec.pixel_format.startswith(("rgb", "pal")):
        context.color_primaries = context.color_trc = context.colorspace = _BT709
        context.color_range = _LIMITED_RANGE
    if codec.tag is not None:
        context.codec_tag = codec.tag
    return stream


class Converter:
    """RGB pictures of one size -> video frames of a pixel format, rounded the same way on every processor."""

    def __init__(self, picture: Picture, pixel_format: str, rate: Fraction) -> None:
        height, width = picture.shape[:2]
        self._time_base = 1 / rate
        self._graph = _graph(width, height, pixel_format, self._time_base)

    def push(self, picture: Picture, index: int) -> Iterator[av.VideoFrame]:
        """The converted frame(s) of one picture, stamped with its index in units of 1/rate."""
        import av

        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
        frame.pts = index
        frame.time_base = self._time_base
        self._graph.vpush(frame)
        yield self._graph.vpull()


def _graph(width: int, height: int, pixel_format: str, time_base: Fraction) -> Graph:
    from av.filter import Graph
    from av.video.format import VideoFormat

    graph = Graph()
    how = "out_color_matrix=bt709:out_range=tv:flags=bicubic+accurate_rnd+full_chroma_int+bitexact"
    source = graph.add_buffer(width=width, height=height, format=VideoFormat("rgb24"), time_base=time_base)
    scale = graph.add("scale", f"{width}:{height}:{how}")
    form = graph.add("format", pixel_format)
    sink = graph.add("buffersink")
    graph.link_nodes(source, scale, form, sink).configure()
    return graph
