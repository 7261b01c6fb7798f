"""A result laid back over sources of many kinds: their sound, rotation, uneven rate and transparency."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from pipelines.domain.errors import StorageError
from studio.media import probe, read_frames
from studio.media.sound import with_sound_of
from studio.structure.conforming import Target
from studio.structure.doing import Hands, Outcome, Paths
from studio.structure.origin import origin_of
from studio.structure.wishes import Layback
from tests.studio.media.samples import ffmpeg
from tests.studio.structure.samples import HEIGHT, WIDTH, clip_file, rolling, uneven_file

GRID = Target(width=WIDTH, height=HEIGHT, num_frames=6, fps=12.0)
TONE = "aevalsrc=exprs='if(gt(t,0.5),0.4*sin(2764*t),0)':s=48000:d={}"


def laid(folder: Path, source: Path, target: Target = GRID, level: int = 200) -> Outcome:
    """A plain grey result over a source, in made.mp4."""
    frames = np.full((target.num_frames, target.height, target.width, 3), level, np.uint8)
    result = clip_file(folder, frames, target.fps, "result.mp4")
    paths = Paths(media={"s": source, "r": result}, clip=folder / "made.mp4", mask=folder / "mask.mp4")
    return Hands(()).do(Layback(result="r", source="s", target=target), paths, lambda fraction: None)


def sounding(folder: Path, name: str, seconds: float, *how: str) -> Path:
    """The rolling ball, one second long, with a tone that begins at 0.5 s and a track that ends at `seconds`."""
    silent = clip_file(folder, name="silent-source.mp4")
    ffmpeg("-i", str(silent), "-f", "lavfi", "-i", TONE.format(seconds), *how, str(folder / name))
    return folder / name


def tone_of(path: Path) -> tuple[float, float]:
    """When the tone begins and the sound ends, seconds."""
    loud, end = -1.0, 0.0
    with av.open(str(path)) as container:
        for frame in container.decode(container.streams.audio[0]):
            values = np.abs(frame.to_ndarray().astype(float)).reshape(-1)
            if frame.format.name.startswith("s16"):
                values /= 32768
            found = np.flatnonzero(values > 0.1)
            if loud < 0 and len(found):
                loud = float(frame.time + found[0] / frame.rate)
            end = float(frame.time + frame.samples / frame.rate)
    return loud, end


KINDS = {
    "aac": ("a.mp4", ("-c:v", "copy", "-c:a", "aac"), "with the source's sound."),
    "opus": ("a.webm", ("-c:v", "libvpx", "-c:a", "libopus"), "with the source's sound."),
    "mp3": ("a.mkv", ("-c:v", "copy", "-c:a", "libmp3lame"), "with the source's sound."),
    "pcm": ("a.mov", ("-c:v", "copy", "-c:a", "pcm_s16le"), "with the source's sound, as AAC."),
}


@pytest.mark.parametrize(("name", "how", "told"), KINDS.values(), ids=KINDS.keys())
def test_the_sources_sound_stays_in_time(tmp_path: Path, name: str, how: tuple[str, ...], told: str) -> None:
    source = sounding(tmp_path, name, 3.0, *how)
    outcome = laid(tmp_path, source)
    assert outcome.notes[0].endswith(told)
    begins, ends = tone_of(tmp_path / "made.mp4")
    assert begins == pytest.approx(tone_of(source)[0], abs=0.03) and ends == pytest.approx(1.0, abs=0.06)
    made = read_frames(tmp_path / "made.mp4").pixels.astype(int)
    assert made.shape == (12, HEIGHT, WIDTH, 3) and abs(made[:6].mean() - 200) < 3
    assert np.abs(made[6:] - rolling()[6:]).mean() < 6
    origin = origin_of(tmp_path / "made.mp4")
    assert origin is not None and origin.what == "layback"


def test_a_source_without_sound_says_so(tmp_path: Path) -> None:
    assert laid(tmp_path, clip_file(tmp_path)).notes == (
        "12 frames of 96 × 64, without sound, as the source has none.",
    )
    assert not list(tmp_path.glob("*silent*"))


def test_sound_that_mp4_does_not_hold_is_left_out_and_told(tmp_path: Path) -> None:
    source = sounding(tmp_path, "a.avi", 1.0, "-c:v", "mpeg4", "-c:a", "wmav2")
    assert "(wmav2) cannot be kept in mp4" in laid(tmp_path, source).notes[0]
    assert len(read_frames(tmp_path / "made.mp4")) == 12


def test_a_disk_that_refuses_is_no_fault_of_the_source(tmp_path: Path) -> None:
    source = sounding(tmp_path, "a.mp4", 1.0, "-c:v", "copy", "-c:a", "aac")
    with pytest.raises(StorageError):
        with_sound_of(source, clip_file(tmp_path, name="pictures.mp4"), tmp_path / "nowhere" / "made.mp4")


def test_a_turned_source_is_laid_back_upright(tmp_path: Path) -> None:
    ffmpeg("-display_rotation", "90", "-i", str(clip_file(tmp_path)), "-c", "copy", str(tmp_path / "turned.mp4"))
    upright = Target(width=HEIGHT, height=WIDTH, num_frames=6, fps=12.0)
    laid(tmp_path, tmp_path / "turned.mp4", upright)
    made = read_frames(tmp_path / "made.mp4").pixels.astype(int)
    assert probe(tmp_path / "made.mp4").rotation == 0 and made.shape == (12, WIDTH, HEIGHT, 3)
    assert np.abs(made[6:] - np.rot90(rolling(), axes=(1, 2))[6:]).mean() < 4


def test_an_uneven_source_keeps_its_length(tmp_path: Path) -> None:
    source = uneven_file(tmp_path, [0, 100, 150, 900, 1000])
    laid(tmp_path, source, Target(width=64, height=64, num_frames=2, fps=10.0))
    made = read_frames(tmp_path / "made.mp4")
    assert len(made) / made.fps == pytest.approx(1.1, abs=0.2)
    assert abs(made.pixels[0].mean() - 200) < 3 and abs(made.pixels[-1].mean() - 40) < 12


def test_a_transparent_source_lies_over_grey(tmp_path: Path) -> None:
    clear = f"color=red@0.0:size={WIDTH}x{HEIGHT}:rate=12:duration=1,format=rgba"
    ffmpeg("-f", "lavfi", "-i", clear, "-c:v", "png", "-pix_fmt", "rgba", str(tmp_path / "a.mov"))
    laid(tmp_path, tmp_path / "a.mov")
    assert np.abs(read_frames(tmp_path / "made.mp4").pixels[6:].astype(int) - 127).max() <= 2
