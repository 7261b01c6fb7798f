"""A clip's own sound: in the master, in what is exported as a whole, and beside the clip that it goes on from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from pipelines.domain.conditioning import ExtendClip
from pipelines.domain.frames import Frames
from studio.export import ExportOptions, export
from studio.jobs.joining import joined
from studio.media import probe, read_frames
from studio.media.master import write_clip
from studio.media.tags import read_record
from tests.pipelines.domain.test_sound import tone
from tests.studio.media.samples import moving, record_of


def heard(path: Path) -> NDArray[np.float32]:
    """The samples (C, N) of a file's sound; none where it is silent."""
    with av.open(str(path)) as container:
        if not container.streams.audio:
            return np.zeros((1, 0), np.float32)
        return np.concatenate([frame.to_ndarray() for frame in container.decode(audio=0)], axis=1)


def sounding(channels: int = 2) -> Frames:
    frames = moving(16, 64, 48)
    return replace(frames, sound=tone(len(frames) / frames.fps, channels))


@pytest.mark.parametrize("channels", [1, 2])
def test_the_master_is_heard_as_long_as_it_is_seen(channels: int, tmp_path: Path) -> None:
    frames = sounding(channels)
    write_clip(tmp_path / "a.mp4", frames, record_of(frames))
    samples = heard(tmp_path / "a.mp4")
    assert samples.shape[0] == channels and samples.shape[1] == pytest.approx(16_000, abs=2100)
    loudest = np.abs(np.fft.rfft(samples[0])).argmax() * 16_000 / samples.shape[1]
    assert loudest == pytest.approx(440, abs=5)
    silent = replace(frames, sound=None)
    write_clip(tmp_path / "b.mp4", silent, record_of(silent))
    assert read_frames(tmp_path / "a.mp4").digest() == read_frames(tmp_path / "b.mp4").digest()
    assert read_record(tmp_path / "a.mp4").request == record_of(frames).request
    assert probe(tmp_path / "a.mp4").fps == frames.fps and heard(tmp_path / "b.mp4").size == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mp4", "b.mp4"]


def test_the_same_clip_gives_the_same_bytes(tmp_path: Path) -> None:
    frames, written = sounding(), set()
    record = record_of(frames)
    for name in ("a.mp4", "b.mp4"):
        write_clip(tmp_path / name, frames, record)
        written.add((tmp_path / name).read_bytes())
    assert len(written) == 1


@pytest.mark.parametrize("form", ["mp4", "mp4-h265"])
def test_a_whole_mp4_keeps_the_sound_and_a_part_of_it_does_not(form: str, tmp_path: Path) -> None:
    frames = sounding()
    write_clip(tmp_path / "a.mp4", frames, record_of(frames))
    whole, part = tmp_path / "whole.mp4", tmp_path / "part.mp4"
    export(tmp_path / "a.mp4", whole, ExportOptions(format=form))
    export(tmp_path / "a.mp4", part, ExportOptions(format=form, start=4))
    assert heard(whole).shape[1] == pytest.approx(16_000, abs=2100) and heard(part).size == 0
    assert len(read_frames(whole)) == 16 and read_record(whole).request == record_of(frames).request
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mp4", "part.mp4", "whole.mp4"]


def test_a_clip_that_goes_on_is_silent_until_what_was_made_begins() -> None:
    made, digest = sounding(), "a" * 64
    request = replace(record_of(made).request, conditioning=(ExtendClip(media=digest, keep=4),))
    whole = joined(request, {digest: moving(20, 64, 48)}, made)
    assert len(whole) == 32 and whole.sound is not None
    assert not whole.sound.samples[:, :16_000].any() and whole.sound.seconds == 2.0
