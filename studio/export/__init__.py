"""Take a clip out of the studio: every format in its own file under `formats`, all of them in `FORMATS`."""

from studio.export.formats import FORMATS, format_by_id, format_for
from studio.export.options import ExportOptions, parse_scale
from studio.export.pictures import ExportFormat
from studio.export.run import ExportReport, export
from studio.export.schedule import plan

__all__ = [
    "FORMATS",
    "ExportFormat",
    "ExportOptions",
    "ExportReport",
    "export",
    "format_by_id",
    "format_for",
    "parse_scale",
    "plan",
]
