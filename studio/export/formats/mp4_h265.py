"""MP4 with H.265 (HEVC): about half the size, for newer devices."""

from studio.export.formats.video import writer
from studio.export.pictures import ExportFormat
from studio.media.encode import MP4_TAGS, VideoCodec

# x265's cutree writes beyond its buffers in pictures of fewer than 64x32 pixels
_PARAMETERS = "log-level=error:info=0:no-cutree=1"

FORMAT = ExportFormat(
    id="mp4-h265",
    title="MP4 (H.265)",
    suffix=".mp4",
    note="Smaller; plays on Apple devices and newer players.",
    min_side=16,
    write=writer(
        VideoCodec(
            encoder="libx265",
            container="mp4",
            pixel_format="yuv420p",
            options={"preset": "medium", "crf": "16", "x265-params": _PARAMETERS},
            tag="hvc1",  # Apple's players refuse the tag hev1
            container_options=MP4_TAGS,
        )
    ),
)
