"""Which frames an export shows: the laws of range, loop and rate."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.export import ExportOptions, plan
from studio.export.schedule import Schedule, length

COUNTS = st.integers(1, 60)
REPEATS = st.integers(1, 6)
RATES = st.sampled_from([1.0, 8.0, 12.5, 16.0, 23.976, 24.0, 25.0, 29.97, 30.0, 50.0, 60.0])
LOOPS = st.sampled_from(["none", "loop", "boomerang"])


@st.composite
def ranges(draw: st.DrawFn) -> tuple[int, int, int]:
    """(num_frames, start, end) with a range that holds at least one frame."""
    count = draw(COUNTS)
    start = draw(st.integers(0, count - 1))
    return count, start, draw(st.integers(start + 1, count))


@given(count=COUNTS, fps=RATES)
def test_without_options_every_frame_is_shown_once(count: int, fps: float) -> None:
    assert plan(count, fps, ExportOptions()) == list(range(count))


@given(piece=ranges(), fps=RATES)
def test_a_range_includes_its_start_and_not_its_end(piece: tuple[int, int, int], fps: float) -> None:
    count, start, end = piece
    assert plan(count, fps, ExportOptions(start=start, end=end)) == list(range(start, end))


@given(piece=ranges(), fps=RATES, repeats=REPEATS)
def test_a_loop_repeats_the_range(piece: tuple[int, int, int], fps: float, repeats: int) -> None:
    count, start, end = piece
    once = list(range(start, end))
    assert plan(count, fps, ExportOptions(start=start, end=end, loop="loop", repeats=repeats)) == once * repeats


@given(piece=ranges(), fps=RATES, repeats=REPEATS)
def test_a_boomerang_moves_by_one_frame_and_never_stands_still(
    piece: tuple[int, int, int], fps: float, repeats: int
) -> None:
    count, start, end = piece
    shown = plan(count, fps, ExportOptions(start=start, end=end, loop="boomerang", repeats=repeats))
    size = end - start
    assert len(shown) == repeats * max(1, 2 * size - 2)
    assert set(shown) == set(range(start, end))
    steps = [abs(a - b) for a, b in zip(shown, shown[1:] + shown[:1], strict=True)]
    assert size == 1 or set(steps) == {1}


@given(piece=ranges(), fps=RATES, target=RATES, loop=LOOPS, repeats=REPEATS)
def test_another_rate_keeps_the_duration_and_the_order(
    piece: tuple[int, int, int], fps: float, target: float, loop: str, repeats: int
) -> None:
    count, start, end = piece
    options = ExportOptions(start=start, end=end, loop=loop, repeats=repeats, fps=target)  # type: ignore[arg-type]
    before = plan(count, fps, ExportOptions(start=start, end=end, loop=options.loop, repeats=repeats))
    after = plan(count, fps, options)
    schedule = Schedule.of(count, fps, options)
    assert len(after) == length(schedule)
    drift = abs(len(after) / schedule.target - len(before) / schedule.source)
    assert len(after) == 1 or drift <= 1 / (2 * schedule.target)
    for tick, index in enumerate(after):
        place = int((tick + Fraction(1, 2)) / schedule.target * schedule.source)
        assert index == before[min(place, len(before) - 1)]


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        (ExportOptions(loop="boomerang"), [0, 1, 2, 3, 2, 1]),
        (ExportOptions(loop="boomerang", repeats=2, end=3), [0, 1, 2, 1, 0, 1, 2, 1]),
        (ExportOptions(loop="boomerang", end=1), [0]),
        (ExportOptions(loop="boomerang", fps=16.0, end=3), [0, 0, 1, 1, 2, 2, 1, 1]),
        (ExportOptions(fps=4.0), [1, 3]),
        (ExportOptions(fps=12.0), [0, 1, 1, 2, 3, 3]),
        (ExportOptions(loop="none", repeats=5), [0, 1, 2, 3]),
    ],
)
def test_plans_that_can_be_checked_by_hand(options: ExportOptions, shown: list[int]) -> None:
    assert plan(4, 8.0, options) == shown
