"""GIF with one palette for the whole clip. The record stands in a comment block."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.export.pictures import ExportFormat, OnCount, Pictures
from studio.media.encode import disk_errors
from studio.media.gif_comment import insert_comment

if TYPE_CHECKING:
    import av
    from av.filter import Graph


def _write(path: Path, pictures: Pictures, record: str | None, on_count: OnCount) -> None:
    import av

    with disk_errors(), av.open(str(path), "w", format="gif", options={"loop": "0"}) as container:
        stream: Any = container.add_stream("gif", rate=pictures.rate)
        stream.width, stream.height, stream.pix_fmt = pictures.width, pictures.height, "pal8"
        stream.codec_context.time_base = 1 / pictures.rate
        for count, frame in enumerate(_with_palette(pictures), start=1):
            container.mux(stream.encode(frame))
            on_count(count)
        container.mux(stream.encode(None))
    if record is not None:
        insert_comment(path, record)


def _with_palette(pictures: Pictures) -> Iterator[av.VideoFrame]:
    """The pictures in the 256 colours that fit all of them best, errors spread to the neighbours."""
    import av

    graph = _palette_graph(pictures)
    for index, picture in enumerate(pictures):
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        frame.pts, frame.time_base = index, 1 / pictures.rate
        graph.vpush(frame)
    graph.vpush(None)
    while True:
        try:
            yield graph.vpull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return


def _palette_graph(pictures: Pictures) -> Graph:
    from av.filter import Graph
    from av.video.format import VideoFormat

    graph = Graph()
    source = graph.add_buffer(
        width=pictures.width, height=pictures.height, format=VideoFormat("rgb24"), time_base=1 / pictures.rate
    )
    split = graph.add("split")
    palette = graph.add("palettegen", "max_colors=256:reserve_transparent=1:stats_mode=full")
    apply = graph.add("paletteuse", "dither=sierra2_4a:diff_mode=rectangle")
    sink = graph.add("buffersink")
    source.link_to(split)
    split.link_to(apply, 0, 0)
    split.link_to(palette, 1, 0)
    palette.link_to(apply, 0, 1)
    apply.link_to(sink)
    graph.configure()
    return graph


FORMAT = ExportFormat(
    id="gif",
    title="GIF",
    suffix=".gif",
    note="256 colours; moves wherever pictures are shown; loops.",
    max_record_bytes=65_536,  # a GIF is sent around for being small
    max_fps=50,  # players slow down anything faster to 10 per second
    even_sides=False,
    write=_write,
)
