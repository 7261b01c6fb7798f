"""Wishes as JSON and back, strictly."""

from __future__ import annotations

import json

import pytest

from pipelines.conditioning.figure import STANDING, FigureKey
from pipelines.domain.errors import InvalidRequest
from studio.media.framing import Framing
from studio.structure.conforming import Cut, Target
from studio.structure.wishes import Draw, Extract, Fix, Layback, Subject, TrackMask, Wish, media_of, to_dict, wish_from

GRID = Target(width=64, height=48, num_frames=9, fps=8.0)


@pytest.mark.parametrize(
    "wish",
    [
        Extract(source="s", control="depth", target=GRID, estimator="toybox-depth", options={"low": 1.0}),
        Subject(source="s", target=GRID, keep="background", mask="m", frame=3),
        TrackMask(source="s", mask="m", target=GRID, frame=2, estimator="dis-grabcut"),
        Layback(result="r", source="s", target=GRID, cut=Cut(end_seconds=2.0, framing=Framing(mode="crop", x=0.1))),
        Fix(source="s", control="pose", fix="swap_colours"),
        Draw(keys=(FigureKey(frame=2, joints=STANDING),), target=GRID),
    ],
)
def test_a_wish_comes_back_from_json_as_it_was(wish: Wish) -> None:
    assert wish_from(json.loads(json.dumps(to_dict(wish)))) == wish


def test_the_media_of_a_wish_are_known() -> None:
    assert media_of(Layback(result="r", source="s", target=GRID, mask="m")) == ("s", "m", "r")
    assert media_of(Subject(source="s", target=GRID)) == ("s",)


GOOD = to_dict(Extract(source="s", control="depth", target=GRID))


@pytest.mark.parametrize(
    "raw",
    [
        None,
        {},
        {"wish": "dream"},
        {**GOOD, "colour": "red"},
        {**GOOD, "control": "smell"},
        {**GOOD, "target": {"width": 64}},
        {**GOOD, "target": {**GOOD["target"], "fps": "many"}},
        {**GOOD, "source": 7},
        {**GOOD, "options": {"low": "x"}},
        {"wish": "draw", "keys": [{"frame": 0, "joints": [[0.0, 0.0]]}], "target": GOOD["target"]},
    ],
)
def test_nonsense_is_refused(raw: object) -> None:
    with pytest.raises(InvalidRequest):
        wish_from(raw)
