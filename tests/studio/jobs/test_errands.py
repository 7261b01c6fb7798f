"""Fetching in the queue: beside the clips, stopped and gone on with, over an end of the studio, and what goes wrong."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.domain.errors import DownloadError, GimbalError, NoSpace, UnknownModel
from pipelines.families.wan import published
from pipelines.models.fetch import INCOMING, LOCK
from projects_db.records import JobRow
from studio.jobs.tasks.fetch_model import seconds_left
from studio.shelf.errands import Errands
from studio.studio import Studio, default_request
from tests.pipelines import tiny
from tests.studio.jobs.conftest import Open
from tests.studio.jobs.scripted import diligent
from tests.support.hub import FakeHub, fake_hub, files_of

CARD = "wan-2.1-vace-1.3b"
REPOSITORY = "Wan-AI/Wan2.1-VACE-1.3B-diffusers"


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[FakeHub]:
    """A hub with one published model, tiny."""
    (card,) = (card for card in published(tmp_path) if card.id == CARD)
    assert card.source is not None and card.source.repository == REPOSITORY
    folder = tiny.write(tmp_path / "remote", about=None)
    with fake_hub(files_of(folder, REPOSITORY)) as hub:
        hub.commit = card.source.revision or hub.commit
        yield hub


def project_of(studio: Studio) -> str:
    return studio.repository.list_projects()[0].id


def ended(studio: Studio, job_id: str) -> JobRow:
    return studio.wait(job_id, timeout=60)


def wait_for(true: Callable[[], object], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_fetched_model_is_offered_at_once_and_can_be_checked_and_removed(opened: Open, hub: FakeHub) -> None:
    studio = opened(diligent, hub=hub.url)
    offers = {offer.card.id: offer for offer in studio.models.offers()}
    assert (offers[CARD].origin, offers["tiny"].origin) == ("away", "shipped")
    job = studio.models.fetch(CARD, project_of(studio))
    assert studio.models.fetch(CARD, project_of(studio)).id == job.id or ended(studio, job.id)
    done = ended(studio, job.id)
    assert (done.state, json.loads(done.facts_json or "{}")["model"]) == ("finished", CARD)
    offer = next(offer for offer in studio.models.offers() if offer.card.id == CARD)
    assert offer.origin == "fetched" and offer.size > 100_000 and offer.why_kept == ""

    checked = ended(studio, studio.models.verify(CARD, project_of(studio)).id)
    assert json.loads(checked.facts_json or "{}")["wrong"] == []
    config = studio.home.models / CARD / "vae" / "config.json"
    config.write_text(config.read_text() + " ")
    checked = ended(studio, studio.models.verify(CARD, project_of(studio)).id)
    assert json.loads(checked.facts_json or "{}")["wrong"] == ["vae/config.json"]

    assert studio.models.remove(CARD) > 100_000
    assert not (studio.home.models / CARD).exists()
    assert CARD not in {card.id for card in studio.catalog.cards()}
    with pytest.raises(GimbalError, match="came with Gimbal"):
        studio.models.remove("tiny")


def test_clips_are_made_while_a_model_is_fetched(opened: Open, hub: FakeHub) -> None:
    """The fetch waits at a hub that is held; the clip does not."""
    with hub.held():
        studio = opened(diligent, hub=hub.url)
        fetch = studio.models.fetch(CARD, project_of(studio))
        wait_for(lambda: studio.job(fetch.id).state == "running")
        (clip,) = studio.queue.submit(project_of(studio), default_request(studio.catalog.card("tiny")))
        assert ended(studio, clip.id).state == "finished"
        assert studio.job(fetch.id).state == "running"
        assert [view.task for view in studio.snapshot().running] == ["fetch_model"]
        with pytest.raises(GimbalError, match="Stop that first"):
            studio.models.discard(CARD)
    assert ended(studio, fetch.id).state == "finished"


def test_a_stopped_fetch_keeps_what_has_come_and_goes_on_from_there(opened: Open, hub: FakeHub) -> None:
    with hub.held():
        studio = opened(diligent, hub=hub.url)
        fetch = studio.models.fetch(CARD, project_of(studio))
        wait_for(lambda: studio.job(fetch.id).state == "running" and hub.waiting)
        studio.queue.stop(fetch.id)
    assert ended(studio, fetch.id).state == "stopped"
    assert not (studio.home.models / CARD).exists()
    held = studio.home.models / INCOMING / CARD
    assert (held / LOCK).is_file()
    first = len(hub.asked)
    studio.queue.retry(fetch.id)
    assert ended(studio, fetch.id).state == "finished"
    assert len(hub.asked) > first


def test_a_fetch_goes_on_after_the_studio_was_closed(opened: Open, hub: FakeHub) -> None:
    with hub.held():
        studio = opened(diligent, hub=hub.url)
        fetch = studio.models.fetch(CARD, project_of(studio))
        wait_for(lambda: studio.job(fetch.id).state == "running" and hub.waiting)
        studio.dispatcher.close()  # type: ignore[union-attr]
        assert (studio.job(fetch.id).state, studio.job(fetch.id).attempts) == ("queued", 0)
    wait_for(lambda: all(thread.name != "errands" for thread in threading.enumerate()))
    again = opened(diligent, hub=hub.url)
    assert ended(again, fetch.id).state == "finished"
    assert CARD in {card.id for card in again.catalog.cards()}


def test_what_goes_wrong_is_told_at_the_job_and_nothing_half_is_offered(opened: Open, hub: FakeHub) -> None:
    large = next(name for name in hub.files if name.endswith("transformer/diffusion_pytorch_model.safetensors"))
    hub.wrong.add(large)
    studio = opened(diligent, hub=hub.url)
    job = ended(studio, studio.models.fetch(CARD, project_of(studio)).id)
    assert job.state == "failed" and "another content than its hash" in str(job.error_message)
    assert next(offer for offer in studio.models.offers() if offer.card.id == CARD).origin == "away"
    hub.wrong.clear()
    studio.queue.retry(job.id)
    assert ended(studio, job.id).state == "finished"


def test_what_has_come_can_be_thrown_away(opened: Open, hub: FakeHub) -> None:
    hub.broken = 99
    studio = opened(diligent, hub=hub.url)
    job = ended(studio, studio.models.fetch(CARD, project_of(studio)).id)
    assert job.state == "failed"
    assert next(offer for offer in studio.models.offers() if offer.card.id == CARD).held > 0
    assert studio.models.discard(CARD) > 0
    assert next(offer for offer in studio.models.offers() if offer.card.id == CARD).held == 0


def test_offline_is_told_before_anything_is_queued(opened: Open) -> None:
    studio = opened(diligent, offline=True)
    with pytest.raises(DownloadError, match="offline"):
        studio.models.fetch(CARD, project_of(studio))
    with pytest.raises(UnknownModel):
        studio.models.fetch("tiny", project_of(studio))
    with pytest.raises(UnknownModel):
        studio.models.fetch("../../etc", project_of(studio))
    assert studio.repository.count_jobs() == {}


def test_a_full_disk_is_told_before_anything_is_queued(opened: Open, hub: FakeHub) -> None:
    studio = opened(diligent, hub=hub.url)
    card = next(card for card in studio.catalog.published() if card.id == CARD)
    assert card.source is not None
    enormous = replace(card, source=replace(card.source, download_bytes=10**18))
    with pytest.raises(NoSpace, match="GB are free"):
        Errands(studio).fetch(enormous, project_of(studio))
    assert studio.repository.count_jobs() == {}


@pytest.mark.parametrize(
    "typed", ["", "  ", "models/mine", "/a\0b", "/x" * 3000, "/there/is/nothing", "~nobody-here/x"]
)
def test_a_path_that_cannot_be_meant_is_refused_in_words(opened: Open, typed: str) -> None:
    studio = opened(diligent)
    with pytest.raises(GimbalError):
        studio.models.add(typed)


def test_an_added_folder_is_forgotten_and_its_files_stay(opened: Open, tmp_path: Path) -> None:
    folder = tiny.write(tmp_path / "mine")
    studio = opened(diligent)
    (card,) = studio.models.add(f'  "{folder}" ')
    offer = next(offer for offer in studio.models.offers() if offer.card.id == card.id)
    assert (offer.origin, offer.why_kept) == ("added", "")
    with pytest.raises(GimbalError, match="no hashes"):
        studio.models.verify(card.id, project_of(studio))
    studio.models.remove(card.id)
    assert card.id not in {card.id for card in studio.catalog.cards()}
    assert (folder / "model_index.json").is_file()


def test_the_time_left_follows_what_came_lately() -> None:
    left = seconds_left()
    assert left(0.0, 0, 1000) is None
    assert left(2.0, 200, 1000) == pytest.approx(8.0)
    for second in range(3, 60):
        last = left(float(second), 200 + second, 1000)
    assert last == pytest.approx(1000 - 259, rel=0.05)
    assert left(90.0, 259, 1000) is None
