"""generate, again, show and export, end to end through the queue, a worker process and the library."""

from __future__ import annotations

import json
import signal
import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from studio.media import probe, read_frames
from tests.studio.cli.conftest import Gimbal, Made


def test_generate_stores_a_clip_and_tells_what_made_it(made: Made) -> None:
    told = made.told
    assert told["ok"] and told["model"] == "tiny" and told["seed"] == 5
    assert (told["request"]["width"], told["request"]["height"]) == (96, 64)
    assert told["seconds"] > 0 and len(told["frames_sha256"]) == 64
    info = probe(made.path)
    assert (info.width, info.height, info.num_frames) == (96, 64, told["request"]["num_frames"])


def test_again_makes_identical_frames_from_the_file_alone(made: Made, tmp_path: Path, assets: Path) -> None:
    elsewhere = Gimbal(home=tmp_path / "another home", assets=assets, folder=tmp_path)
    answer = elsewhere("again", made.path, "-o", "same.mp4", "--json")
    assert answer.code == 0, answer.err
    assert answer.json["identical"] and answer.json["frames_sha256"] == made.told["frames_sha256"]
    assert (read_frames(tmp_path / "same.mp4").pixels == read_frames(made.path).pixels).all()


def test_show_tells_the_request_of_a_clip_and_of_its_export(made: Made, tmp_path: Path) -> None:
    export = tmp_path / "out.gif"
    assert made.gimbal("export", made.path, "-o", export, "--loop", "boomerang", "--json").json["carries_request"]
    for file in (made.path, export):
        told = made.gimbal("show", file, "--json").json
        assert told["request"] == made.told["request"]
        assert told["frames_sha256"] == made.told["frames_sha256"]
    assert "a red ball on sand" in made.gimbal("show", export).out


def test_export_takes_a_clip_of_the_library_by_its_id(made: Made, tmp_path: Path) -> None:
    target = tmp_path / "part.webm"
    options = ("--codec", "av1", "--start", 1, "--end", 4, "--scale", "200%", "--fps", 4)
    told = made.gimbal("export", made.told["clip"], "-o", target, *options, "--json").json
    assert (told["format"], told["width"], told["height"], told["fps"]) == ("webm-av1", 192, 128, 4.0)
    assert len(read_frames(target)) == told["num_frames"]


def test_jobs_lists_what_was_made(made: Made) -> None:
    told = made.gimbal("jobs", "--json").json
    assert not told["paused"]
    assert ("finished", made.told["clip"]) in [(job["state"], job["clip"]) for job in told["jobs"]]


@pytest.mark.parametrize(
    ("arguments", "fields"),
    [
        (("generate", ""), {"prompt"}),
        (("generate", "a ball", "--size", "17x3", "--frames", "4", "--steps", "0"), {"size", "num_frames", "steps"}),
        (("generate", "a ball", "--seed", "-1"), {"seed"}),
        (("export", "CLIP", "-o", "x.mp4", "--codec", "vp9"), {"codec"}),
        (("export", "CLIP", "-o", "x.xyz"), {"target"}),
        (("jobs", "retry", "abc"), {"job"}),
    ],
)
def test_every_problem_of_a_request_is_told_at_once(made: Made, arguments: tuple[str, ...], fields: set[str]) -> None:
    answer = made.gimbal(*(made.path if a == "CLIP" else a for a in arguments), "--json")
    assert answer.code == 1
    assert {problem["field"] for problem in answer.json["error"]["problems"]} == fields
    assert all(problem["hint"] for problem in answer.json["error"]["problems"])


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        (("generate", "a ball", "--model", "nobody"), "UnknownModel"),
        (("generate", "a ball", "-o", "no/such/folder/x.mp4"), "StorageError"),
        (("generate", "a ball", "--image", "no.png"), "MediaError"),
        (("show", "no.mp4"), "MediaError"),
        (("models", "add", "."), "BrokenCheckpoint"),
    ],
)
def test_an_error_is_told_with_its_next_step(gimbal: Gimbal, arguments: tuple[str, ...], kind: str) -> None:
    answer = gimbal(*arguments, "--json")
    assert answer.code == 1
    assert answer.json["error"]["kind"] == kind and answer.json["error"]["hint"]
    assert "Traceback" not in answer.err


def test_without_any_model_generate_says_so(tmp_path: Path) -> None:
    bare = Gimbal(home=tmp_path / "home", assets=tmp_path / "nothing", folder=tmp_path)
    told = bare("generate", "a ball", "--json").json
    assert told["error"]["kind"] == "UnknownModel" and told["error"]["hint"]


def test_ctrl_c_stops_the_job_and_leaves_no_worker(gimbal: Gimbal) -> None:
    if sys.platform == "win32":
        pytest.skip("signals of POSIX")
    longest = ("--steps", "20", "--frames", "9", "--size", "96x64")
    # In the background of a shell Ctrl+C is ignored, and a child would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    process = gimbal.start("generate", "a ball", *longest, "--json")
    while not _states(gimbal) & {"running"}:
        assert process.poll() is None
        time.sleep(0.05)
    workers = psutil.Process(process.pid).children()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1, err
    assert json.loads(out)["error"]["kind"] == "Stopped"
    assert _states(gimbal) == {"stopped"}
    assert not [worker for worker in workers if worker.is_running() and worker.status() != psutil.STATUS_ZOMBIE]


def _states(gimbal: Gimbal) -> set[str]:
    file = gimbal.home / "gimbal.sqlite3"
    if not file.exists():
        return set()
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        try:
            return {state for (state,) in connection.execute("SELECT state FROM jobs")}
        except sqlite3.OperationalError:  # the tables are being made
            return set()
