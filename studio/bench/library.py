"""Search in a library of 100,000 clips: every kind of question the library's page asks."""

from __future__ import annotations

import json
import random
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from pipelines.domain.request import GenerationRequest
from projects_db.records import ClipRow
from projects_db.repository import Repository
from studio.bench.report import Measure, middle, spread

CLIPS, REPEATS = 100_000, 20
PAGE = 60
COLOURS = "red green blue yellow orange purple white black grey pink".split()
THINGS = "ball cube cone cylinder pyramid person".split()
GROUNDS = "sand grass snow stone water checkerboard".split()
MOVES = ("pans left", "pans right", "tilts up", "dollies in", "orbits", "is still")
RARE = "zeppelin"


def measure(say: Callable[[str], None], clips: int = CLIPS) -> tuple[Measure, ...]:
    with tempfile.TemporaryDirectory(prefix="gimbal-bench-") as folder:
        path = Path(folder) / "gimbal.sqlite3"
        with Repository.open(path, backups=Path(folder) / "backups") as repository:
            project = repository.list_projects()[0].id
            say(f"writing {clips:,} clips")
            repository.insert_clips(_clips(project, clips))
            say("searching")
            seconds = {name: _timed(repository, asked) for name, asked in _questions(project).items()}
        scan = _plain_scan(path)
    worst = max(seconds, key=lambda name: middle(seconds[name]))
    slowest = middle(seconds[worst])
    searches = tuple(
        Measure(
            name=f"search: {name}",
            value=1000 * middle(each),
            unit="ms",
            limit=50,
            note=spread([1000 * s for s in each]),
        )
        for name, each in seconds.items()
    )
    return (
        *searches,
        Measure(name="a plain LIKE over all prompts, beside it", value=1000 * middle(scan), unit="ms", note=RARE),
        Measure(name="the slowest search, in plain scans", value=slowest / middle(scan), unit="x", note=worst),
    )


def _measure(name: str, seconds: list[float]) -> Measure:
    taken = [1000 * each for each in seconds]
    return Measure(name=f"search: {name}", value=middle(taken), unit="ms", limit=50, note=spread(taken))


def _questions(project: str) -> dict[str, dict[str, Any]]:
    return {
        "everything, newest first": {},
        "a common word": {"text": "red"},
        "two words": {"text": "red ball"},
        "four words": {"text": "blue cube snow pans"},
        "the beginning of a word": {"text": "pyr"},
        "a rare word": {"text": RARE},
        "a word that never occurs": {"text": "xylophone"},
        "a common word, rated 5": {"text": "red", "min_rating": 5},
        "one project, one model": {"project_id": project, "model": "toybox"},
    }


def _timed(repository: Repository, asked: dict[str, Any]) -> list[float]:
    taken = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        repository.search_clips(limit=PAGE, **asked)
        taken.append(time.perf_counter() - began)
    return taken


def _plain_scan(path: Path) -> list[float]:
    """What the same question costs without an index."""
    taken = []
    with closing(sqlite3.connect(path)) as connection:
        for _ in range(5):
            began = time.perf_counter()
            query = "SELECT id FROM clips WHERE prompt LIKE ? ORDER BY created_at DESC LIMIT ?"
            connection.execute(query, (f"%{RARE}%", PAGE)).fetchall()
            taken.append(time.perf_counter() - began)
    return taken


def _clips(project: str, count: int) -> Iterator[ClipRow]:
    """Seeded clips as a busy year would leave them."""
    pick = random.Random(0)
    for number in range(count):
        prompt = (
            f"a {pick.choice(COLOURS)} {pick.choice(THINGS)} and a {pick.choice(COLOURS)} {pick.choice(THINGS)} "
            f"on {pick.choice(GROUNDS)}, the camera {pick.choice(MOVES)}"
        )
        yield _clip(project, number, f"{prompt}, a {RARE} above" if number % 5000 == 77 else prompt, pick.randrange(6))


def _clip(project: str, number: int, prompt: str, rating: int) -> ClipRow:
    request = GenerationRequest(
        model="toybox", prompt=prompt, seed=number, width=128, height=128, num_frames=17, fps=8, steps=20, guidance=3
    )
    digest = f"{number:064x}"
    return ClipRow(
        id=f"{number:016x}",
        project_id=project,
        path=f"clips/2026-01/{number:016x}.mp4",
        poster=f"posters/{number:016x}.webp",
        request_json=request.to_json(),
        model=request.model,
        prompt=prompt,
        seed=number,
        width=request.width,
        height=request.height,
        num_frames=request.num_frames,
        fps=request.fps,
        size_bytes=20_000,
        file_sha256=digest,
        frames_sha256=digest,
        rating=rating,
        created_at=1.76e9 + 300.0 * number,
        facts_json=json.dumps({"seconds": 4.0}),
    )
