"""Pictures and clips as files: look at them, read them, fit them, write the master clip and its record.

Every file is treated as hostile: its kind comes from its first bytes, and nothing it names is ever opened.
"""

from studio.media.clips import read_frames
from studio.media.fitting import Mode, conform
from studio.media.info import MediaInfo, probe
from studio.media.pictures import read_image

__all__ = ["MediaInfo", "Mode", "conform", "probe", "read_frames", "read_image"]
