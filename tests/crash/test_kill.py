"""kill -9 at named places and at seeded moments, over worker and head: no job is lost, no file is without its row."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from projects_db.repository import Repository
from studio.library import Library
from studio.media import read_frames
from studio.media.tags import read_record
from tests.crash import zygote
from tests.crash.life import Report

TAKES = 2
HEAD_POINTS = (
    "queue.checked",
    "dispatcher.recovering",
    *(f"{name}#{n}" for n in (1, 2) for name in ("dispatcher.leased", "dispatcher.sent", "dispatcher.produced")),
    *(f"library.{name}#{n}" for n in (1, 2) for name in ("checked", "poster_placed", "renamed", "committed")),
    "dispatcher.stored",
)
WORKER_POINTS = (
    "worker.ready",
    *(f"worker.{name}#{n}" for n in (1, 2) for name in ("started", "generated", "clip_written", "written", "answered")),
    "worker.loading",
    "worker.encoding",
    "worker.denoising",
    "worker.decoding",
)
MOMENTS = range(12)
SPREAD_SECONDS = 1.2


@dataclass
class Bench:
    """A data folder and the lives that are lived in it."""

    socket: str
    assets: Path
    folder: Path
    lives: int = 0

    @property
    def home(self) -> Path:
        return self.folder / "home"

    def report(self) -> Report:
        return Report(self.folder / f"report-{self.lives}")

    def begin(self, *, takes: int, head_at: str = "", worker_at: str = "") -> Life:
        """Start a head that queues some takes and runs the queue to its end."""
        self.lives += 1
        report = self.folder / f"report-{self.lives}"
        plan = {
            "home": str(self.home),
            "assets": str(self.assets),
            "socket": self.socket,
            "report": str(report),
            "takes": takes,
            "seed": self.lives,
            "worker_crash_at": worker_at,
        }
        env = {"GIMBAL_CRASH_AT": head_at}
        connection, pid = zygote.ask(self.socket, {"kind": "head", "env": env, "plan": plan})
        return Life(connection, pid, Report(report))

    def queued(self) -> list[str]:
        """Every job that a head said it had queued."""
        reports = [Report(self.folder / f"report-{n + 1}") for n in range(self.lives)]
        return [job for report in reports for job in report.values("queued")]


@dataclass
class Life:
    """A head that was started."""

    connection: Any
    pid: int
    report: Report

    def end(self) -> int:
        """Wait for its end; its exit code."""
        self.connection.settimeout(90)
        with self.connection:
            return zygote.answer(self.connection)

    def worker(self) -> int:
        """The pid of its first worker, as soon as there is one."""
        for _ in range(600):
            if pids := self.report.values("worker"):
                return int(pids[0])
            time.sleep(0.02)
        pytest.fail("no worker was started")


@pytest.fixture
def bench(zygote_socket: str, assets: Path, tmp_path: Path) -> Bench:
    return Bench(zygote_socket, assets, tmp_path)


@pytest.mark.parametrize("point", HEAD_POINTS)
def test_a_head_killed_at_a_delicate_place_loses_nothing(bench: Bench, point: str) -> None:
    life = bench.begin(takes=TAKES, head_at=point)
    assert life.end() == -signal.SIGKILL
    after_a_killed_head(bench, life)


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_head_killed_at_any_moment_loses_nothing(bench: Bench, moment: int) -> None:
    life = bench.begin(takes=TAKES)
    time.sleep(random.Random(f"head {moment}").uniform(0.02, SPREAD_SECONDS))
    kill(life.pid)
    life.end()
    after_a_killed_head(bench, life)


@pytest.mark.parametrize("point", WORKER_POINTS)
def test_a_worker_killed_at_a_delicate_place_costs_only_time(bench: Bench, point: str) -> None:
    life = bench.begin(takes=TAKES, worker_at=point)
    assert life.end() == 0
    assert len(life.report.values("worker")) >= 2 or point.startswith("worker.answered#2")
    everything_is_in_its_place(bench)


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_worker_killed_at_any_moment_costs_only_time(bench: Bench, moment: int) -> None:
    life = bench.begin(takes=TAKES)
    pid = life.worker()
    time.sleep(random.Random(f"worker {moment}").uniform(0.0, SPREAD_SECONDS))
    kill(pid)
    assert life.end() == 0
    everything_is_in_its_place(bench)


def test_more_than_fifty_deaths_are_tried() -> None:
    assert len(HEAD_POINTS) + len(WORKER_POINTS) + 2 * len(MOMENTS) >= 50


def after_a_killed_head(bench: Bench, life: Life) -> None:
    """Its worker goes with it; the next head recovers, and runs what was left to the end."""
    for pid in map(int, life.report.values("worker")):
        assert is_gone(pid, seconds=10), "the worker outlived its head"
    assert bench.begin(takes=0).end() == 0
    everything_is_in_its_place(bench)


def everything_is_in_its_place(bench: Bench) -> None:
    library, rebuilt = Library.open(bench.home)
    repository = library.repository
    try:
        assert rebuilt is None
        found = library.reconcile()
        assert not found.missing and not found.unreadable and not found.imported
        finished = check_jobs(repository, bench.queued())
        check_files(library, finished)
    finally:
        repository.close()


def check_jobs(repository: Repository, told: list[str]) -> dict[str, str]:
    """Every job is finished, with a clip of its own; those that were promised exist. Returns job -> clip."""
    rows = repository.list_jobs((), 1000)
    assert {row.id for row in rows} >= set(told)
    assert {(row.state, row.error_message) for row in rows} <= {("finished", None)}
    clips = {row.id: row.clip_id for row in rows if row.clip_id is not None}
    assert len(set(clips.values())) == len(rows) == len(clips)
    return clips


def check_files(library: Library, finished: dict[str, str]) -> None:
    """Rows and files name each other, and each file holds what its row says."""
    home = library.home.root
    page = library.repository.search_clips(limit=100)
    assert {clip.id for clip in page.clips} == set(finished.values())
    on_disk = {path.relative_to(home).as_posix() for path in (home / "clips").rglob("*") if path.is_file()}
    posters = {path.relative_to(home).as_posix() for path in (home / "posters").iterdir()}
    assert on_disk == {clip.path for clip in page.clips}
    assert posters == {clip.poster for clip in page.clips}
    assert list((home / "incoming").iterdir()) == []
    for clip in page.clips:
        path = home / clip.path
        assert hashlib.sha256(path.read_bytes()).hexdigest() == clip.file_sha256
        assert read_record(path).frames_sha256 == clip.frames_sha256
        assert len(read_frames(path)) == clip.num_frames


def kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass  # it had ended by itself


def is_gone(pid: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.02)
    return False
