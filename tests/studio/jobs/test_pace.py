"""Laws of progress and of the remaining time."""

from __future__ import annotations

from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from studio.jobs.events import JobStage
from studio.jobs.pace import SPANS, Pace

STAGES = st.sampled_from(sorted(SPANS))


@given(st.lists(st.tuples(STAGES, st.floats(-1, 2))))
def test_the_fraction_never_falls_and_stays_between_nothing_and_all(reports: list[tuple[str, float]]) -> None:
    pace, last = Pace(0.0), 0.0
    for stage, within in reports:
        now = pace.fraction(cast("JobStage", stage), within)
        assert last <= now <= 1.0
        last = now


def test_the_stages_of_a_clip_follow_each_other_without_gap() -> None:
    whole = (0.0, 1.0)  # fetching and checking are all that their jobs do
    spans = sorted({span for span in SPANS.values() if span != whole})
    assert spans[0][0] == 0.0 and spans[-1][1] == 1.0
    assert all(before[1] == after[0] for before, after in zip(spans, spans[1:], strict=False))


def test_measured_steps_decide_the_remaining_time() -> None:
    pace = Pace(0.0, expected_seconds=1000.0)
    assert pace.eta_seconds("denoising", 1, 10, now=5.0) == 995.0
    assert pace.eta_seconds("denoising", 3, 10, now=9.0) == 2.0 * 7 + 2.0 * 10 * 0.2


def test_loading_does_not_use_up_the_estimate() -> None:
    pace = Pace(0.0, expected_seconds=8.0)
    assert pace.eta_seconds("loading", 0, 0, now=100.0) == 8.0
    assert pace.eta_seconds("encoding", 0, 0, now=103.0) == 5.0


def test_nothing_is_claimed_where_nothing_is_known() -> None:
    assert Pace(0.0).eta_seconds("encoding", 0, 4, now=1.0) is None
    assert Pace(0.0, expected_seconds=1.0).eta_seconds("encoding", 0, 4, now=9.0) is None
