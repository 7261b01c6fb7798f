"""The real worker: a process of its own, with torch and a real (tiny) model, and a head that has neither."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from pipelines.domain.request import GenerationRequest
from studio.media import read_frames
from studio.media.tags import read_record
from studio.settings import Settings
from studio.studio import Studio, default_request
from tests.studio.jobs.test_dispatcher import until

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def studio(assets: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """One studio with one real worker for all tests here, since importing torch takes seconds."""
    home = tmp_path_factory.mktemp("home")
    with Studio(Settings.read({}, home=home, assets=assets, device="cpu")) as studio:
        yield studio


def request(studio: Studio, **changes: object) -> GenerationRequest:
    return dataclasses.replace(default_request(studio.catalog.cards()[0]), **changes)


def submit(studio: Studio, request: GenerationRequest) -> str:
    return studio.queue.submit(studio.repository.list_projects()[0].id, request)[0].id


def workers() -> list[psutil.Process]:
    """The worker processes of this test run."""
    children = psutil.Process().children(recursive=True)
    return [child for child in children if "studio.jobs.worker" in child.cmdline()]


def test_a_prompt_becomes_a_clip_that_carries_its_request(studio: Studio) -> None:
    asked = request(studio, seed=5)
    stages: list[str | None] = []
    row = studio.wait(submit(studio, asked), lambda view: stages.append(view.stage), timeout=120)
    assert row.state == "finished", row.error_message
    clip = studio.repository.clip(str(row.clip_id))
    record = read_record(studio.library.clip_path(clip))
    frames = read_frames(studio.library.clip_path(clip))
    assert record.request == asked and record.clip_id == clip.id and "torch" in record.libraries
    assert (len(frames), frames.width, frames.height) == (asked.num_frames, asked.width, asked.height)
    assert set(stages) & {"loading", "encoding", "denoising", "decoding", "saving"}  # a busy watcher misses some
    assert json.loads(row.facts_json or "")["flops"] > 0


def test_one_seed_gives_bit_identical_frames_and_another_does_not(studio: Studio) -> None:
    rows = [studio.wait(submit(studio, request(studio, seed=seed)), timeout=120) for seed in (11, 11, 12)]
    first, again, other = (studio.repository.clip(str(row.clip_id)).frames_sha256 for row in rows)
    assert first == again != other


def test_a_start_picture_travels_inside_its_clip(studio: Studio, tmp_path: Path) -> None:
    from PIL import Image

    from pipelines.domain.conditioning import StartImage

    Image.new("RGB", (80, 60), (200, 30, 30)).save(tmp_path / "red.png")
    media = studio.library.add_media(tmp_path / "red.png", "red.png")
    row = studio.wait(submit(studio, request(studio, conditioning=(StartImage(media=media.sha256),))), timeout=120)
    assert row.state == "finished", row.error_message
    record = read_record(studio.library.clip_path(studio.repository.clip(str(row.clip_id))))
    assert record.media[media.sha256] == (tmp_path / "red.png").read_bytes()


def test_the_estimate_learns_from_past_runs(studio: Studio) -> None:
    studio.wait(submit(studio, request(studio)), timeout=120)
    learned = studio.estimate(request(studio))
    assert learned.learned and 0 < learned.seconds < 60
    row = studio.wait(submit(studio, request(studio)), timeout=120)
    facts, clip = json.loads(row.facts_json or ""), studio.repository.clip(str(row.clip_id))
    assert facts["expected_seconds"] == pytest.approx(learned.seconds, rel=0.9) and facts["expected_bytes"] > 0
    assert learned.disk_bytes == pytest.approx(studio.library.clip_path(clip).stat().st_size, rel=0.5)
    assert studio.snapshot().machine.measured


def test_the_next_model_is_read_ahead_while_a_clip_is_made(assets: Path, home: Path, tmp_path: Path) -> None:
    shutil.copytree(assets, tmp_path / "assets")
    shutil.copytree(assets / "models" / "tiny", tmp_path / "assets" / "models" / "other")
    with Studio(Settings.read({}, home=home, assets=tmp_path / "assets", device="cpu")) as studio:
        studio.queue.pause()
        asked = [request(studio, model="tiny", steps=20), request(studio, model="other")]
        jobs = [submit(studio, each) for each in asked]
        studio.queue.resume()
        rows = [studio.wait(job, timeout=120) for job in jobs]
    read = [json.loads(row.facts_json or "{}")["ahead_bytes"] for row in rows]
    files = (tmp_path / "assets" / "models" / "other").glob("*/*.safetensors")
    assert read == [0, sum(path.stat().st_size for path in files)]


def test_a_running_job_shows_its_denoising_and_stops_at_the_next_step(studio: Studio) -> None:
    job = submit(studio, request(studio, steps=20, width=96, num_frames=9))
    until(lambda: studio.preview(job) is not None, seconds=60)
    preview = studio.preview(job)
    assert preview is not None and preview[8:12] == b"WEBP"
    studio.queue.stop(job)
    row = studio.wait(job, timeout=20)
    assert (row.state, row.clip_id) == ("stopped", None)
    assert list(studio.home.incoming.iterdir()) == []


def test_a_worker_that_crashes_costs_one_attempt(studio: Studio) -> None:
    studio.wait(submit(studio, request(studio)), timeout=120)
    (worker,) = workers()
    worker.suspend()  # so that the job cannot be done before the blow
    job = submit(studio, request(studio, seed=100))
    until(lambda: studio.job(job).state == "running", seconds=60)
    worker.send_signal(signal.SIGSEGV)
    worker.resume()
    row = studio.wait(job, timeout=120)
    assert (row.state, row.attempts) == ("finished", 2)
    assert not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE


def test_a_worker_goes_with_its_head_and_the_head_needs_no_torch(assets: Path, home: Path) -> None:
    script = f"""
        import sys, time
        from pathlib import Path
        from studio.settings import Settings
        from studio.studio import Studio, default_request
        settings = Settings.read({{}}, home=Path({str(home)!r}), assets=Path({str(assets)!r}), device="cpu")
        studio = Studio(settings).start()
        request = default_request(studio.catalog.cards()[0])
        (job,) = studio.queue.submit(studio.repository.list_projects()[0].id, request)
        row = studio.wait(job.id, timeout=120)
        print(row.state, "torch" in sys.modules, "diffusers" in sys.modules, flush=True)
        time.sleep(600)
    """
    head = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert head.stdout is not None
    assert head.stdout.readline().split() == ["finished", "False", "False"]
    (worker,) = psutil.Process(head.pid).children()
    os.kill(head.pid, signal.SIGKILL)
    head.wait()
    head.stdout.close()
    assert worker.wait(timeout=10) is None or not worker.is_running()


def test_a_worker_that_cannot_start_says_why_and_pauses_the_queue(assets: Path, home: Path) -> None:
    with Studio(Settings.read({}, home=home, assets=assets, device="tpu")) as studio:
        row = studio.wait(submit(studio, request(studio)), timeout=120)
        assert row.state == "failed" and "tpu" in str(row.error_message) and row.error_hint
        assert studio.snapshot().paused


def test_an_idle_studio_does_not_spin(studio: Studio) -> None:
    """A loose bound that a busy machine keeps; what idling really costs is told by `launch.py bench idle`."""
    studio.wait(submit(studio, request(studio)), timeout=120)
    (worker,) = workers()
    time.sleep(0.5)
    before, start = (time.process_time(), sum(worker.cpu_times()[:2])), time.monotonic()
    time.sleep(2.0)
    used = time.process_time() - before[0] + sum(worker.cpu_times()[:2]) - before[1]
    assert used / (time.monotonic() - start) < 0.1


def test_a_warmed_worker_makes_its_first_clip_without_loading(assets: Path, home: Path) -> None:
    settings = Settings.read({}, home=home, assets=assets, device="cpu", warm_start=True, warm_delay_seconds=0.0)
    with Studio(settings) as studio:
        until(lambda: studio.snapshot().machine.worker == "ready", seconds=60)
        row = studio.wait(submit(studio, request(studio)), timeout=60)
        assert row.state == "finished" and json.loads(row.facts_json or "")["load_seconds"] < 0.5
