from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pipelines.domain.camera import pose
from pipelines.domain.camera.moves import MOVES, Move
from pipelines.domain.camera.path import EASINGS, CameraPath
from pipelines.domain.camera.plan import Plan, Step, build
from pipelines.domain.camera.plan_text import parse, path_from_text, text_of
from pipelines.domain.camera.problems import problems
from pipelines.domain.camera.rig import Start
from pipelines.domain.camera.speed import speed
from pipelines.domain.errors import InvalidRequest
from tests.pipelines.domain.strategies import vectors

NAMES = [(move, direction) for move in MOVES for direction in move.directions or ("",)]
TARGET = np.array(Start().target)


@st.composite
def steps(draw: st.DrawFn) -> Step:
    move, direction = draw(st.sampled_from(NAMES))
    amount = round(draw(st.floats(move.low, move.high)), 3) if move.unit else 0.0
    easing = draw(st.sampled_from(sorted(EASINGS)))
    return Step(move=move, direction=direction, amount=amount, easing=easing, seed=draw(st.integers(0, 2**32 - 1)))


plans = st.lists(st.lists(steps(), min_size=1, max_size=3).map(tuple), min_size=1, max_size=3).map(tuple)


@given(plans)
def test_a_plan_comes_back_from_its_words(plan: Plan) -> None:
    assert parse(text_of(plan)) == plan


@given(plans)
def test_a_plan_becomes_a_sound_path_that_begins_at_its_start_or_says_why_not(plan: Plan) -> None:
    start = Start(position=(1.0, -2.0, -7.0), target=(0.5, -1.0, 1.0), focal_mm=35.0, roll_degrees=3.0)
    try:
        path = build(plan, start)
    except InvalidRequest as error:
        assert "run into" in error.message
        return
    if any(problem.message for problem in problems(path)):  # a long chain of zooms can leave every lens
        assert all(
            "lens" in p.message or "farther" in p.message or "more problems" in p.message for p in problems(path)
        )
        return
    poses, focal = path.sample(9)
    np.testing.assert_allclose(poses[0, :3, 3], start.position, atol=1e-9)
    np.testing.assert_allclose(poses[0, :3, :3], pose.look_at(start.position, start.target, 3.0), atol=1e-9)
    assert focal[0] == pytest.approx(35.0)


def amounts(move: Move) -> st.SearchStrategy[float]:
    """Amounts that do not lead into the subject, 4 m away."""
    high = {"dolly": 3.5}.get(move.name, move.high)
    return st.floats(move.low, high) if move.unit else st.just(0.0)


@given(st.data(), st.sampled_from(NAMES), st.sampled_from(sorted(EASINGS)))
def test_every_preset_moves_by_its_amount_and_by_nothing_else(
    data: st.DataObject, named: tuple[Move, str], easing: str
) -> None:
    move, direction = named
    amount = data.draw(amounts(move))
    path = build(((Step(move=move, direction=direction, amount=amount, easing=easing),),))  # type: ignore[arg-type]
    poses, focal = path.sample(65)
    travelled = poses[:, :3, 3] - poses[0, :3, 3]
    away = np.linalg.norm(poses[:, :3, 3] - TARGET, axis=1)
    turned = speed(path, 65).degrees.sum()
    ratio = max(amount, 1.0) ** (1 if direction != "out" else -1)
    match move.name:
        case "static":
            assert np.abs(travelled).max() == 0.0 and turned < 1e-6
        case "pan" | "tilt" | "roll":
            assert np.abs(travelled).max() == 0.0
            assert turned == pytest.approx(amount, rel=0.02, abs=1e-3) or move.name != "roll"
            assert turned <= amount * 1.02 + 1e-3
        case "truck" | "pedestal" | "dolly" | "crane":
            assert np.linalg.norm(travelled[-1]) == pytest.approx(amount)
            assert np.linalg.norm(travelled, axis=1).max() <= amount + 1e-9
        case "zoom":
            assert np.abs(travelled).max() == 0.0 and focal[-1] == pytest.approx(28.0 * ratio)
            assert min(28.0, focal[-1]) - 1e-9 <= focal.min() and focal.max() <= max(28.0, focal[-1]) + 1e-9
        case "dolly-zoom":
            np.testing.assert_allclose(focal / away, focal[0] / away[0], rtol=2e-3)
            assert away[-1] == pytest.approx(away[0] / ratio)
        case "orbit" | "arc":
            np.testing.assert_allclose(away, away[0], rtol=5e-3)
            seen = (pose.inverse(poses) @ np.append(TARGET, 1.0))[:, :3]
            np.testing.assert_allclose(seen[:, :2], 0.0, atol=1e-9)
        case "push-in" | "pull-out":
            end = away[0] / amount if move.name == "push-in" else away[0] * amount
            assert away[-1] == pytest.approx(end)
        case "handheld":
            assert np.linalg.norm(travelled, axis=1).max() <= amount * 1.5
            assert pose.angles_degrees(poses[:, :3, :3], poses[:1, :3, :3]).max() <= 20 * amount * 1.5
        case "spiral" | "flyover":
            assert np.abs(travelled).max() <= 2 * amount + 10
        case other:
            pytest.fail(f"no law for {other}")
    if move.name not in ("zoom", "dolly-zoom"):
        np.testing.assert_allclose(focal, 28.0)


@settings(max_examples=40)
@given(
    way=st.sampled_from(["left", "right"]),
    rounds=st.integers(1, 3),
    position=vectors(3, 20.0),
    away=vectors(3, 20.0),
    easing=st.sampled_from(sorted(EASINGS)),
)
def test_an_orbit_closes(
    way: str, rounds: int, position: tuple[float, ...], away: tuple[float, ...], easing: str
) -> None:
    x, y, z = position
    dx, dy, dz = away
    assume(math.hypot(dx, dz) > 0.5)
    start = Start(position=(x, y, z), target=(x + dx, y + dy, z + dz))
    words = f"orbit {way} {360 * rounds} {easing}".removesuffix(" constant")
    poses, focal = path_from_text(words, start).at([0.0, 1.0])
    np.testing.assert_allclose(poses[0], poses[1], atol=1e-6)
    assert focal[0] == pytest.approx(focal[1])


@pytest.mark.parametrize(
    ("text", "axis", "sign"),
    [
        ("truck left", 0, -1), ("truck right", 0, 1), ("orbit left 20", 0, -1), ("orbit right 20", 0, 1),
        ("pedestal up", 1, -1), ("crane down", 1, 1), ("arc up 10", 1, -1), ("dolly in", 2, 1), ("dolly out", 2, -1),
        ("push-in", 2, 1), ("pull-out", 2, -1), ("flyover", 2, 1), ("flyover back", 2, -1),
    ],
)  # fmt: skip
def test_directions_are_the_operators_own(text: str, axis: int, sign: int) -> None:
    poses, _ = path_from_text(text).sample(2)
    assert sign * (poses[1, axis, 3] - poses[0, axis, 3]) > 0


@pytest.mark.parametrize(
    ("text", "turn"),
    [("pan left 30", {"yaw": -30}), ("pan right 30", {"yaw": 30}), ("tilt up 20", {"pitch": 20}),
     ("tilt down 20", {"pitch": -20}), ("roll left 10", {"roll": -10}), ("roll right 10", {"roll": 10})],
)  # fmt: skip
def test_turns_are_those_of_the_conventions(text: str, turn: dict[str, float]) -> None:
    poses, _ = path_from_text(text, Start(position=(0, 0, -4), target=(0, 0, 0))).sample(2)
    np.testing.assert_allclose(poses[1, :3, :3], pose.turned(**turn), atol=1e-9)


def test_a_pan_keeps_the_camera_upright() -> None:
    poses, _ = path_from_text("pan right 120", Start(position=(0, -3, -4), target=(0, 0, 0))).sample(50)
    np.testing.assert_allclose(poses[:, 1, 0], 0.0, atol=1e-12)


def test_easing_starts_and_ends_gently_whether_a_move_has_two_keys_or_many() -> None:
    for text in ("truck left 2 eased", "orbit left 180 eased"):
        metres = speed(path_from_text(text), 41).metres
        assert metres[0] < 0.3 * metres[20] > metres[-1] / 1.0
        assert metres[-1] < 0.3 * metres[20]


def test_then_divides_the_time_and_rests_where_nothing_moves() -> None:
    poses, _ = path_from_text("dolly in 1 then static").at(np.linspace(0.5, 1, 9))
    np.testing.assert_allclose(poses, np.broadcast_to(poses[:1], poses.shape), atol=1e-12)


def test_and_is_the_same_in_any_order() -> None:
    one, other = path_from_text("orbit left 90 and zoom in 2"), path_from_text("zoom in 2 and orbit left 90")
    assert one == other
    assert one.sample(2)[1][1] == pytest.approx(56)


def test_the_hand_shakes_the_same_way_for_one_seed() -> None:
    assert path_from_text("handheld seed 7") == path_from_text("handheld seed 7")
    assert path_from_text("handheld seed 7") != path_from_text("handheld seed 8")


def test_words_may_be_loose() -> None:
    strict = path_from_text("dolly-zoom in 2 eased then orbit left 90")
    assert path_from_text("  Dolly Zoom in 2x EASED then orbit  quarter") == strict
    assert path_from_text("orbit 90 degrees") == path_from_text("orbit left 90deg")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "missing"), ("then", "missing"), ("orbit left and", "missing"), ("fish", "fish"), ("orbit up", "up"),
        ("zoom in 90deg", "90deg"), ("pan left 3 m", "no amount"), ("static 3", "no amount"), ("orbit 9999", "outside"),
        ("orbit left left", "left"), ("handheld seed x", "whole number"), ("handheld seed 99999999999", "whole number"),
        ("dolly in 5", "run into"), ("pan " * 500, "characters"), (" then ".join(["pan"] * 13), "parts"),
    ],
)  # fmt: skip
def test_words_that_are_not_understood_are_named(text: str, words: str) -> None:
    with pytest.raises(InvalidRequest, match=words) as caught:
        path_from_text(text)
    assert caught.value.problems[0].field == "camera" and caught.value.problems[0].hint


def test_a_preset_becomes_few_keys_that_can_be_edited() -> None:
    path = path_from_text("orbit left 90 and zoom in 1.5 then static")
    assert isinstance(path, CameraPath) and len(path.keys) == 6
