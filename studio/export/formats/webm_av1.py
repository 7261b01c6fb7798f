"""WebM with AV1: the smallest files, for current browsers."""

import os
from pathlib import Path

from studio.export.formats.video import writer
from studio.export.pictures import ExportFormat, OnCount, Pictures
from studio.media.encode import VideoCodec

_write = writer(
    VideoCodec(
        encoder="libsvtav1",
        container="webm",
        pixel_format="yuv420p",
        options={"crf": "20", "preset": "6", "svtav1-params": "lp=3"},
    )
)


def _write_quietly(path: Path, pictures: Pictures, record: str | None, on_count: OnCount) -> None:
    os.environ.setdefault("SVT_LOG", "1")  # the encoder prints its settings to stderr unless told by this variable
    _write(path, pictures, record, on_count)


FORMAT = ExportFormat(
    id="webm-av1",
    title="WebM (AV1)",
    suffix=".webm",
    note="Smallest; plays in current browsers.",
    min_side=64,  # SVT-AV1 4.1 reads beyond its buffers in smaller pictures
    write=_write_quietly,
)
