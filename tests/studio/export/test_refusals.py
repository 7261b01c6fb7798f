"""What an export refuses, and that a refusal or a full disk leaves nothing behind."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pipelines.domain.errors import InvalidRequest, MediaError, Stopped, StorageError
from studio.export import FORMATS, ExportOptions, export, format_by_id, format_for, parse_scale
from studio.media.atomic import storage_error
from studio.media.master import write_clip
from tests.studio.media.samples import moving, png, record_of


@pytest.fixture
def source(tmp_path: Path) -> Path:
    frames = moving(6, 96, 64)
    write_clip(tmp_path / "source.mp4", frames, record_of(frames))
    return tmp_path / "source.mp4"


REFUSED: dict[str, tuple[ExportOptions, str, str]] = {
    "a start behind the end": (ExportOptions(start=4, end=4), "range", "Frames 4 to 4"),
    "a start before the first frame": (ExportOptions(start=-1), "range", "Frames -1 to 6"),
    "an end behind the last frame": (ExportOptions(end=7), "range", "frames 0 to 6"),
    "no repeats": (ExportOptions(loop="loop", repeats=0), "repeats", "1 to 100"),
    "endless repeats": (ExportOptions(loop="loop", repeats=10**9), "repeats", "1 to 100"),
    "an unknown loop": (ExportOptions(loop="spiral"), "loop", "'spiral'"),  # type: ignore[arg-type]
    "a scale of nothing": (ExportOptions(scale=0.0), "scale", "0.05 to 8"),
    "a scale that is no number": (ExportOptions(scale=math.nan), "scale", "0.05 to 8"),
    "a size too small": (ExportOptions(scale=(1, 1)), "scale", "1x1 does not fit"),
    "a size too large": (ExportOptions(scale=(9000, 64)), "scale", "8192"),
    "no rate": (ExportOptions(fps=0.0), "fps", "no rate"),
    "an endless rate": (ExportOptions(fps=math.inf), "fps", "no rate"),
    "a rate too fast": (ExportOptions(fps=500.0), "fps", "0.1 to 240"),
}


@pytest.mark.parametrize(("options", "field", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_an_impossible_option_is_told(
    options: ExportOptions, field: str, words: str, source: Path, tmp_path: Path
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        export(source, tmp_path / "out.mp4", options)
    (problem,) = caught.value.problems
    assert problem.field == field and words in problem.message and problem.hint
    assert [p.name for p in tmp_path.iterdir()] == ["source.mp4"]


def test_every_problem_is_told_at_once(source: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest) as caught:
        export(source, tmp_path / "out.gif", ExportOptions(start=9, repeats=0, scale=100.0, fps=60.0))
    assert [p.field for p in caught.value.problems] == ["range", "repeats", "scale", "fps"]
    assert "Set fps to 50" in caught.value.problems[-1].hint


@pytest.mark.parametrize(
    "raw",
    [
        {"start": "1"},
        {"start": 1.5},
        {"end": True},
        {"repeats": "2"},
        {"fps": "24"},
        {"scale": "big"},
        {"scale": [1, 2, 3]},
        {"scale": ["a", 2]},
        {"scale": {"width": 1}},
    ],
)
def test_values_of_another_type_are_refused_at_once(raw: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match="numbers"):
        ExportOptions(**raw)


def test_a_size_may_come_as_a_list_as_json_has_it() -> None:
    assert ExportOptions(**json.loads('{"scale": [64, 32], "fps": 8}')).scale == (64, 32)


def test_more_frames_than_a_clip_may_have_are_refused_before_they_are_laid_out(source: Path, tmp_path: Path) -> None:
    options = ExportOptions(loop="loop", repeats=100, fps=240.0)
    frames = moving(60, 16, 16, 1.0)
    write_clip(tmp_path / "slow.mp4", frames, record_of(frames))
    with pytest.raises(InvalidRequest, match="1,440,000 frames"):
        export(tmp_path / "slow.mp4", tmp_path / "out.mp4", options)


def test_an_unknown_ending_tells_the_list(source: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match=r"\.mp4, \.webm, \.gif, \.webp, \.mov, \.zip"):
        export(source, tmp_path / "out.wmv", ExportOptions())
    with pytest.raises(InvalidRequest, match="has no ending"):
        format_for(tmp_path / "out")


def test_an_unknown_format_tells_the_list(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest) as caught:
        format_by_id("wmv")
    assert all(known.id in caught.value.hint for known in FORMATS)


def test_a_format_and_another_ending_do_not_go_together(source: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match=r"Name it out\.gif"):
        export(source, tmp_path / "out.mp4", ExportOptions(format="gif"))


@pytest.mark.parametrize("known", FORMATS, ids=[known.id for known in FORMATS])
def test_the_ending_of_a_format_leads_to_it_in_any_case(known: object, tmp_path: Path) -> None:
    suffix = known.suffix  # type: ignore[attr-defined]
    assert format_for(tmp_path / f"a{suffix.upper()}").suffix == suffix


def test_the_source_is_never_replaced_under_any_name(source: Path, tmp_path: Path) -> None:
    before = source.read_bytes()
    link = tmp_path / "link.mp4"
    os.link(source, link)
    for target in (source, link, tmp_path / "." / "source.mp4"):
        with pytest.raises(StorageError, match="its own source"):
            export(source, target, ExportOptions())
    assert source.read_bytes() == before


def test_a_target_that_exists_is_replaced_whole(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    target.write_bytes(b"old")
    export(source, target, ExportOptions())
    assert target.stat().st_size > 1000
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out.mp4", "source.mp4"]


def test_stopping_leaves_the_old_target_and_no_other_file(source: Path, tmp_path: Path) -> None:
    def stop(fraction: float) -> None:
        if fraction > 0.4:
            raise Stopped("Stopped.")

    for known in FORMATS:
        target = tmp_path / f"out{known.suffix}"
        target.write_bytes(b"old")
        with pytest.raises(Stopped):
            export(source, target, ExportOptions(format=known.id), stop)
        assert target.read_bytes() == b"old"
    assert not [p for p in tmp_path.iterdir() if ".part" in p.name]


def test_progress_rises_to_one(source: Path, tmp_path: Path) -> None:
    for known in FORMATS:
        told: list[float] = []
        export(source, tmp_path / f"out{known.suffix}", ExportOptions(format=known.id), told.append)
        assert told == sorted(told) and told[-1] == 1.0 and len(told) == 7


def test_a_folder_that_is_not_there_or_no_folder_is_told(source: Path, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="does not exist"):
        export(source, tmp_path / "nowhere" / "out.mp4", ExportOptions())
    (tmp_path / "folder.mp4").mkdir()
    with pytest.raises(StorageError, match="is a folder"):
        export(source, tmp_path / "folder.mp4", ExportOptions())


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="the administrator may write everywhere")
def test_a_read_only_folder_is_told(source: Path, tmp_path: Path) -> None:
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o500)
    with pytest.raises(StorageError, match="read-only"):
        export(source, folder / "out.mp4", ExportOptions())


def test_every_refusal_of_the_disk_has_words_and_a_next_step(tmp_path: Path) -> None:
    import errno

    for number, words in ((errno.ENOSPC, "disk is full"), (errno.EROFS, "read-only"), (errno.EIO, "not written")):
        error = storage_error(OSError(number, os.strerror(number)), tmp_path / "out.mp4")
        assert words in error.message and error.hint


LIMITED = """
import resource, signal, sys
from pathlib import Path
from pipelines.domain.errors import StorageError
from studio.export import FORMATS, ExportOptions, export
source, folder = Path(sys.argv[1]), Path(sys.argv[2])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (700, 700))
for known in FORMATS:
    try:
        export(source, folder / f"out-{known.id}{known.suffix}", ExportOptions(format=known.id))
    except StorageError as error:
        print(known.id, "refused:", error)
    else:
        print(known.id, "WRITTEN")
"""


@pytest.mark.skipif(os.name == "nt", reason="this system has no limit on the size of files")
def test_a_disk_that_takes_no_more_bytes_is_told_in_every_format(source: Path, tmp_path: Path) -> None:
    """A true refusal of the system in the midst of writing: files may not grow beyond 700 bytes."""
    folder = tmp_path / "out"
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(source), str(folder)], capture_output=True, text=True, timeout=120
    )
    assert [line.split()[:2] for line in done.stdout.splitlines()] == [[f.id, "refused:"] for f in FORMATS], done
    assert "larger than this disk takes" in done.stdout
    assert list(folder.iterdir()) == []


def test_a_source_that_is_no_clip_is_told(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("hello")
    with pytest.raises(MediaError, match="no picture or clip"):
        export(tmp_path / "text.mp4", tmp_path / "out.mp4", ExportOptions())


def test_a_clip_without_a_record_is_exported_without_one(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png(32))
    report = export(tmp_path / "a.png", tmp_path / "out.mp4", ExportOptions())
    assert not report.carries_request and report.num_frames == 1


@pytest.mark.parametrize(
    ("text", "scale"), [("0.5", 0.5), ("50%", 0.5), (" 2 ", 2.0), ("640x360", (640, 360)), ("640 × 360", (640, 360))]
)
def test_a_scale_is_read_as_people_write_it(text: str, scale: object) -> None:
    assert parse_scale(text) == scale


@pytest.mark.parametrize("text", ["", "big", "x360", "-1", "1e5", "640x", "nan", "9" * 400])
def test_a_scale_of_other_words_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match=r"Write 0\.5, 50% or 640x360"):
        parse_scale(text)
