"""QuickTime with ProRes 422 HQ: for editing programs."""

from studio.export.formats.video import writer
from studio.export.pictures import ExportFormat
from studio.media.encode import MP4_TAGS, VideoCodec

FORMAT = ExportFormat(
    id="mov",
    title="ProRes 422 HQ",
    suffix=".mov",
    note="Large; for editing programs.",
    write=writer(
        VideoCodec(
            encoder="prores_ks",
            container="mov",
            pixel_format="yuv422p10le",
            options={"profile": "3", "vendor": "apl0"},
            container_options=MP4_TAGS,
        )
    ),
)
