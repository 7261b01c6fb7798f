"""The master clip and its poster: what the library keeps of a finished job."""

from __future__ import annotations

from pathlib import Path

from pipelines.domain.errors import MediaError
from pipelines.domain.frames import Frames
from studio.media.atomic import replacing
from studio.media.encode import MP4_TAGS, VideoCodec, encode_video, frame_rate
from studio.media.record import TAG, ClipRecord
from studio.media.sound import with_sound

POSTER_SIDE = 512
"""Pixels of a poster's longer side: sharp on the library's wall at twice the density."""

MASTER = VideoCodec(
    encoder="libx264",
    container="mp4",
    pixel_format="yuv420p",
    # crf 10 is visually lossless; no B-frames and short closed groups make scrubbing exact and quick
    # x264's macroblock tree gives other bytes now and then where it runs on AVX-512, even on one thread
    options={
        "preset": "medium", "crf": "10", "bf": "0", "g": "12", "sc_threshold": "0",
        "x264-params": "open-gop=0:mbtree=0",
    },
    threads=1,
    container_options=MP4_TAGS,
)


def write_clip(path: Path, frames: Frames, record: ClipRecord) -> None:
    """Write the master clip: mp4, H.264 4:2:0, BT.709, faststart, the record in its tags; its sound as AAC.

    The same frames and record give the same bytes. An odd side grows by one pixel (its last row or column again).
    Raises MediaError where the record does not belong to the frames, NoSpace or StorageError where the disk refuses.
    """
    if record.frames_sha256 != frames.digest():
        raise MediaError("The record tells of other frames than the clip has.", "Make the record from these frames.")
    tags = {TAG: record.to_json()}
    with replacing(path) as part:
        encode_video(part, frames.pixels, frame_rate(frames.fps), MASTER, tags)
        if frames.sound is not None:
            silent = part.replace(part.with_name(f"{part.name}.silent"))
            try:
                with_sound(silent, frames.sound, part)
            finally:
                silent.unlink(missing_ok=True)


def write_poster(path: Path, frames: Frames) -> None:
    """Write the first frame as a WebP picture of at most 512 pixels a side: what the player shows before it plays."""
    from PIL import Image

    image = Image.fromarray(frames.pixels[0])
    image.thumbnail((POSTER_SIDE, POSTER_SIDE), Image.Resampling.LANCZOS)
    with replacing(path) as part:
        image.save(part, format="WEBP", quality=85, method=4)
