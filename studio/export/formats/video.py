"""Shared by the video formats: encode, with the record as a tag."""

from __future__ import annotations

from pathlib import Path

from studio.export.pictures import OnCount, Pictures, Writer
from studio.media.encode import VideoCodec, encode_video
from studio.media.record import TAG


def writer(codec: VideoCodec) -> Writer:
    """A format's `write` for one codec."""

    def write(path: Path, pictures: Pictures, record: str | None, on_count: OnCount) -> None:
        tags = {} if record is None else {TAG: record}
        encode_video(path, pictures, pictures.rate, codec, tags, on_count)

    return write
