"""WebM with VP9: the open format of the web."""

from studio.export.formats.video import writer
from studio.export.pictures import ExportFormat
from studio.media.encode import VideoCodec

FORMAT = ExportFormat(
    id="webm",
    title="WebM (VP9)",
    suffix=".webm",
    note="Open format; plays in every browser.",
    write=writer(
        VideoCodec(
            encoder="libvpx-vp9",
            container="webm",
            pixel_format="yuv420p",
            # b=0 makes crf the only target; lag and alt-ref frames are the encoder's quality at low rates
            options={"crf": "18", "b": "0", "deadline": "good", "cpu-used": "2", "row-mt": "1"},
        )
    ),
)
