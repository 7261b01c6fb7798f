"""What people hand over by mistake or in bad faith: told before anything is generated, and never much memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.domain.errors import GimbalError, MediaError
from studio.structure.conforming import Target
from studio.structure.doing import Hands, Outcome, Paths
from studio.structure.wishes import Extract, Subject, TrackMask, Wish
from tests.studio.media.samples import ffmpeg
from tests.studio.structure.samples import HEIGHT, WIDTH, clip_file, rolling

ROOT = Path(__file__).resolve().parents[3]
GRID = Target(width=WIDTH, height=HEIGHT, num_frames=6, fps=12.0)
DEPTH = Extract(source="s", control="edges", target=GRID)


def done(wish: Wish, folder: Path, source: Path, mask: Path | None = None) -> Outcome:
    media = {"s": source, "m": mask or source}
    paths = Paths(media=media, clip=folder / "made.mp4", mask=folder / "mask.mp4")
    return Hands(()).do(wish, paths, lambda fraction: None)


def test_no_person_in_the_picture(tmp_path: Path) -> None:
    with pytest.raises(GimbalError, match="No person is seen in any frame") as told:
        done(Extract(source="s", control="pose", target=GRID), tmp_path, clip_file(tmp_path))
    assert "another estimator" in told.value.hint


def test_one_frame_has_edges_and_a_warning_but_no_flow(tmp_path: Path) -> None:
    single = clip_file(tmp_path, rolling(1))
    assert any("one frame only" in note for note in done(DEPTH, tmp_path, single).notes)
    with pytest.raises(GimbalError, match="this is one picture"):
        done(Extract(source="s", control="flow", target=GRID), tmp_path, single)


def test_sound_alone(tmp_path: Path) -> None:
    ffmpeg("-f", "lavfi", "-i", "sine=duration=1", "-c:a", "aac", str(tmp_path / "song.mp4"))
    with pytest.raises(MediaError, match="holds only sound"):
        done(DEPTH, tmp_path, tmp_path / "song.mp4")


def test_a_broken_file(tmp_path: Path) -> None:
    source = clip_file(tmp_path)
    source.write_bytes(source.read_bytes()[:900])
    with pytest.raises(MediaError) as told:
        done(DEPTH, tmp_path, source)
    assert "source.mp4" in told.value.message and told.value.hint


LISTS = {
    "list.m3u8": "#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n",
    "list.mp4": "#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:1/a.ts\n",
    "list.txt": "ffconcat version 1.0\nfile '/etc/passwd'\n",
    "list.mpd": '<?xml version="1.0"?><MPD><BaseURL>file:///etc/passwd</BaseURL></MPD>',
    "list.sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n",
    "list.svg": '<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
}


@pytest.mark.parametrize("name", LISTS)
def test_a_file_that_would_open_other_files(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(LISTS[name])
    with pytest.raises(MediaError) as told:
        done(DEPTH, tmp_path, tmp_path / name)
    assert name in told.value.message and "passwd" not in told.value.message and told.value.hint


def mask_file(folder: Path, value: int, size: tuple[int, int] = (WIDTH, HEIGHT)) -> Path:
    from PIL import Image

    Image.new("L", size, value).save(folder / "mask.png")
    return folder / "mask.png"


@pytest.mark.parametrize(
    "wish", [TrackMask(source="s", mask="m", target=GRID), Subject(source="s", mask="m", target=GRID)]
)
def test_a_mask_that_is_empty_or_of_another_shape(tmp_path: Path, wish: Wish) -> None:
    source = clip_file(tmp_path)
    with pytest.raises(GimbalError, match="mask is empty"):
        done(wish, tmp_path, source, mask_file(tmp_path, 0))
    with pytest.raises(MediaError, match=r"The mask is 64 × 90: neither .* \(96 × 64\)"):
        done(wish, tmp_path, source, mask_file(tmp_path, 255, (64, 90)))


def long_4k(folder: Path) -> Path:
    """Ten minutes of a 4K clip with a frame every ten seconds, which decodes like any other."""
    what = "testsrc2=size=3840x2160:rate=1/10:duration=600"
    ffmpeg("-f", "lavfi", "-i", what, "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "6",
           str(folder / "long.mp4"))  # fmt: skip
    return folder / "long.mp4"


PEAK = """
import resource, sys
from pathlib import Path
from studio.structure.conforming import Cut, Target
from studio.structure.doing import Hands, Paths
from studio.structure.wishes import Extract
folder = Path(sys.argv[1])
paths = Paths(media={"s": folder / "long.mp4"}, clip=folder / "made.mp4", mask=folder / "mask.mp4")
target = Target(width=832, height=480, num_frames=81, fps=16.0)
Hands(()).do(Extract(source="s", control="edges", target=target, cut=Cut(pace="spread")), paths, lambda fraction: None)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


@pytest.mark.programs
def test_ten_minutes_of_4k_are_read_in_little_memory_and_more_is_refused(tmp_path: Path) -> None:
    long_4k(tmp_path)
    run = subprocess.run([sys.executable, "-c", PEAK, str(tmp_path)], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    # MiB, OpenCV and a decoder among them that holds some frames for each of its threads.
    assert int(run.stdout) < 2048
    ffmpeg("-f", "lavfi", "-i", "color=size=16x16:rate=1:duration=620", str(tmp_path / "longer.mp4"))
    with pytest.raises(MediaError, match="longer than 10 minutes"):
        done(DEPTH, tmp_path, tmp_path / "longer.mp4")
