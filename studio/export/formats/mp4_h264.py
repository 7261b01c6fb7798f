"""MP4 with H.264: plays everywhere."""

from studio.export.formats.video import writer
from studio.export.pictures import ExportFormat
from studio.media.encode import MP4_TAGS, VideoCodec

FORMAT = ExportFormat(
    id="mp4",
    title="MP4 (H.264)",
    suffix=".mp4",
    note="Plays everywhere.",
    write=writer(
        VideoCodec(
            encoder="libx264",
            container="mp4",
            pixel_format="yuv420p",
            options={"preset": "slow", "crf": "14"},
            container_options=MP4_TAGS,
        )
    ),
)
