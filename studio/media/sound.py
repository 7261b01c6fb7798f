"""The sound of one clip beside the pictures of another: packets as they are, decoded only where mp4 has no place."""

from __future__ import annotations

import contextlib
import heapq
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines.domain.sound import Sound
from studio.media.atomic import storage_error
from studio.media.encode import MP4_TAGS, disk_errors
from studio.media.open_clip import damage_told, opened, video_stream
from studio.media.sniff import PICTURES, media_container

if TYPE_CHECKING:
    from av.container import InputContainer, OutputContainer

COPIED = frozenset({"aac", "mp3", "opus", "ac3", "eac3", "flac", "alac"})
"""Codecs that players find in mp4; their packets are copied, none is decoded."""
DECODED = ("pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s32le", "pcm_f32le", "pcm_u8", "vorbis")
"""Codecs that mp4 does not hold: they become AAC."""
EARLY_SECONDS = 0.25
"""Sound so long before the first picture is kept: coders begin with silence that players skip."""
_FRAME = 1024  # samples that AAC takes at once
Timed = tuple[float, Any]
"""When a packet is decoded, in seconds, and the packet."""


def with_sound_of(source: Path, pictures: Path, target: Path) -> str:
    """Write the clip `pictures` (mp4) with the sound of `source` to `target`; what became of the sound, in a few words.

    Both begin with their first picture, and the sound ends with the last. Where there is no sound to keep nothing is
    written. Raises MediaError where the source's sound is damaged, StorageError where the disk refuses.
    """
    kind = media_container(source)
    if kind in PICTURES:
        return "without sound, as the source has none"
    with opened(source, kind, decoders=DECODED) as heard, opened(pictures, "mp4") as seen:
        if not heard.streams.audio:
            return "without sound, as the source has none"
        codec = heard.streams.audio[0].codec.canonical_name
        if codec not in COPIED and codec not in DECODED:
            return f"without sound, since the source's ({codec[:20]}) cannot be kept in mp4"
        _join(heard, seen, source.name, target)
        return "with the source's sound" if codec in COPIED else "with the source's sound, as AAC"


def keep_sound(source: Path, silent: Path, target: Path) -> str:
    """Make the clip `silent` into `target`, with the sound of `source` where it has one to keep: `with_sound_of`."""
    try:
        told = with_sound_of(source, silent, target)
        if not target.exists():
            silent.replace(target)
    finally:
        silent.unlink(missing_ok=True)
    return told


def with_sound(pictures: Path, sound: Sound, target: Path) -> None:
    """Write the clip `pictures` (mp4) with a sound, as AAC, to `target`; it ends with the last picture.

    Raises StorageError where the disk refuses.
    """
    with opened(pictures, "mp4") as seen, _beside(seen, target) as (made, shown, end):
        layout = _layout(len(sound.samples))
        track = made.add_stream("aac", rate=sound.rate, layout=layout, options={"flags": "+bitexact"})
        for _, packet in heapq.merge(shown, _spoken(sound.lasting(end), track), key=_when):
            made.mux(packet)


def _spoken(sound: Sound, track: Any) -> Iterator[Timed]:
    """A sound as packets of a stream."""
    import av

    for start in range(0, sound.samples.shape[1], _FRAME):
        layout = _layout(len(sound.samples))
        part = np.ascontiguousarray(sound.samples[:, start : start + _FRAME])
        frame = av.AudioFrame.from_ndarray(part, format="fltp", layout=layout)
        frame.rate, frame.pts, frame.time_base = sound.rate, start, Fraction(1, sound.rate)
        yield from _packets(track, frame)
    yield from _packets(track, None)


def _join(heard: InputContainer, seen: InputContainer, name: str, target: Path) -> None:
    sound, first = heard.streams.audio[0], _first_picture(heard, name)
    with _beside(seen, target) as (made, shown, end):
        if sound.codec.canonical_name in COPIED:
            told = _copied(heard, sound, made.add_stream_from_template(sound), (first, end))
        else:
            track = made.add_stream("aac", rate=sound.rate, layout=_layout(sound.channels))
            told = _encoded(heard, sound, track, (first, end))
        for _, packet in heapq.merge(_read(shown, target.name), _read(told, name), key=_when):
            made.mux(packet)


@contextlib.contextmanager
def _beside(seen: InputContainer, target: Path) -> Iterator[tuple[OutputContainer, Iterator[Timed], float]]:
    """A new clip for the pictures of another: where its sound goes, their packets, and when the last one ends."""
    import av

    video = video_stream(seen, target.name)
    end = float(video.duration * video.time_base)
    options = {"fflags": "+bitexact", **MP4_TAGS}
    try:
        with disk_errors(), av.open(str(target), "w", format="mp4", options=options) as made:
            made.metadata.update(seen.metadata)
            yield made, _copied(seen, video, made.add_stream_from_template(video), (0.0, end)), end
    except OSError as error:
        raise storage_error(error, target) from error


def _layout(channels: int) -> str:
    return "mono" if channels == 1 else "stereo"


def _when(one: Timed) -> float:
    return one[0]


def _read(packets: Iterator[Timed], name: str) -> Iterator[Timed]:
    """The packets; what fails in reading them is no failure of the disk that is written."""
    with damage_told(name):
        yield from packets


def _first_picture(heard: InputContainer, name: str) -> float:
    """When the first picture is shown in the source's own time, seconds."""
    stream = video_stream(heard, name)
    return float((stream.start_time or 0) * stream.time_base)


def _copied(container: InputContainer, stream: Any, new: Any, span: tuple[float, float]) -> Iterator[Timed]:
    """The packets of a stream for a new one. span: where in it the new one's 0 is, and how long that lasts."""
    first, seconds = span
    for packet in container.demux(stream):
        if packet.pts is None or packet.dts is None or packet.size == 0:
            continue
        shift = round(first / packet.time_base)
        packet.pts -= shift
        packet.dts -= shift
        if -EARLY_SECONDS <= float(packet.pts * packet.time_base) < seconds:
            packet.stream = new
            yield float(packet.dts * packet.time_base), packet


def _encoded(container: InputContainer, stream: Any, new: Any, span: tuple[float, float]) -> Iterator[Timed]:
    """The sound of a stream as packets of a new one in another codec; span as of `_copied`."""
    from av.audio.resampler import AudioResampler

    first, seconds = span
    resampler = AudioResampler(format=new.format, layout=new.layout, rate=new.rate, frame_size=1024)
    for frame in container.decode(stream):
        if frame.time is not None and first <= frame.time < first + seconds:
            frame.pts -= round(first / frame.time_base)
            for part in resampler.resample(frame):
                yield from _packets(new, part)
    for rest in (*resampler.resample(None), None):
        yield from _packets(new, rest)


def _packets(new: Any, frame: Any) -> Iterator[Timed]:
    for packet in new.encode(frame):
        yield float((packet.dts or 0) * packet.time_base), packet
