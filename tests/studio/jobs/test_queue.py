"""What the queue takes in, and what it refuses with every reason at once."""

from __future__ import annotations

import dataclasses

import pytest

from pipelines.domain.conditioning import EndImage, StartImage
from pipelines.domain.errors import InvalidRequest, UnknownModel
from pipelines.domain.request import MAX_SEED, GenerationRequest
from studio.jobs.queue import MAX_TAKES
from studio.studio import Studio, default_request
from tests.studio.jobs.conftest import Open


@pytest.fixture
def studio(opened: Open) -> Studio:
    return opened(worker=False)


def request(studio: Studio) -> GenerationRequest:
    return default_request(studio.catalog.cards()[0])


def project(studio: Studio) -> str:
    return studio.repository.list_projects()[0].id


def seeds(studio: Studio) -> list[int]:
    rows = studio.repository.list_jobs(("queued",))
    return [GenerationRequest.from_json(row.request_json).seed for row in rows]


def test_takes_share_a_group_and_have_seeds_that_follow_each_other(studio: Studio) -> None:
    rows = studio.queue.submit(project(studio), request(studio).with_seed(MAX_SEED), takes=3)
    assert seeds(studio) == [MAX_SEED, 0, 1]
    assert len({row.take_group for row in rows}) == 1


def test_given_seeds_are_taken_as_they_are(studio: Studio) -> None:
    studio.queue.submit(project(studio), request(studio), seeds=[7, 7, 3])
    assert seeds(studio) == [7, 7, 3]


def test_every_problem_is_told_at_once_and_nothing_is_queued(studio: Studio) -> None:
    bad = dataclasses.replace(
        request(studio),
        prompt=" ",
        width=63,
        steps=0,
        conditioning=(StartImage(media="0" * 64), EndImage(media="1" * 64)),
    )
    with pytest.raises(InvalidRequest) as caught:
        studio.queue.submit(project(studio), bad)
    assert {p.field for p in caught.value.problems} >= {"prompt", "size", "steps", "start_image", "end_image"}
    assert all(p.hint for p in caught.value.problems)
    assert studio.repository.list_jobs() == ()


@pytest.mark.parametrize(
    ("takes", "given"), [(0, None), (MAX_TAKES + 1, None), (1, []), (1, [-1]), (1, [MAX_SEED + 1])]
)
def test_a_wrong_number_of_takes_or_a_wrong_seed_is_refused(
    studio: Studio, takes: int, given: list[int] | None
) -> None:
    with pytest.raises(InvalidRequest):
        studio.queue.submit(project(studio), request(studio), takes=takes, seeds=given)
    assert studio.repository.list_jobs() == ()


def test_an_unknown_model_is_refused(studio: Studio) -> None:
    with pytest.raises(UnknownModel):
        studio.queue.submit(project(studio), dataclasses.replace(request(studio), model="none"))


def test_a_cancelled_job_is_stopped_and_keeps_its_request(studio: Studio) -> None:
    (row,) = studio.queue.submit(project(studio), request(studio))
    studio.queue.cancel(row.id)
    after = studio.repository.job(row.id)
    assert (after.state, after.request_json) == ("stopped", row.request_json)


def test_the_snapshot_shows_the_order_of_the_waiting(studio: Studio) -> None:
    first, second = studio.queue.submit(project(studio), request(studio), takes=2)
    studio.queue.move(second.id, first.id)
    assert [(view.id, view.position) for view in studio.snapshot().waiting] == [(second.id, 1), (first.id, 2)]
    assert studio.snapshot().counts == {"queued": 2}
