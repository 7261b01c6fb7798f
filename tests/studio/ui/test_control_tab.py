"""The Control tab as values: what becomes of them in a request, what is refused, and the way back."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from pipelines.domain.conditioning import Conditioning, ControlClip, MaskClip, SourceClip, StartImage
from pipelines.domain.errors import InvalidRequest
from studio.studio import Studio
from studio.ui import forms
from studio.ui.tabs import control, tab_for
from tests.studio.library_samples import request

SOURCE = {"media": "5" * 64, "kind": "clip"}
MADE = {name: str(place) * 64 for place, name in enumerate(("depth", "lineart", "source", "mask", "around"))}
DEPTH = ControlClip(media=MADE["depth"], control="depth", strength=0.5)
LINES = ControlClip(media=MADE["lineart"], control="edges")


def value(what: str = "all", **more: Any) -> dict[str, Any]:
    """What the page holds of a clip whose depth and line art were read."""
    structures = [{"kind": "depth", "strength": 0.5}, {"kind": "lineart"}]
    return {"source": SOURCE, "structures": structures, "change": {"what": what, "strength": 0.3}, "made": MADE} | more


def parts(held: Any) -> tuple[Conditioning, ...]:
    found: tuple[Conditioning, ...] = control.TAB.parts({"control": held})["conditioning"]
    return found


def refused(held: Any, studio: Studio) -> str:
    with pytest.raises(InvalidRequest) as told:
        control.TAB.prepared({"tab": "control", "control": held}, studio)
    assert {problem.field for problem in told.value.problems} == {"control"}
    return str(told.value.problems[0].message)


@pytest.mark.parametrize(
    ("what", "changed"),
    [
        ("all", ()),
        ("style", (SourceClip(media=MADE["source"], strength=0.3),)),
        ("paint", (SourceClip(media=MADE["source"]), MaskClip(media=MADE["mask"]))),
        ("background", (SourceClip(media=MADE["source"]), MaskClip(media=MADE["mask"]))),
        ("around", (SourceClip(media=MADE["around"]), MaskClip(media=MADE["mask"]))),
    ],
)
def test_what_was_made_becomes_the_parts_of_a_request(what: str, changed: tuple[Conditioning, ...]) -> None:
    assert parts(value(what)) == (DEPTH, LINES, *changed)


def test_a_figure_has_no_pictures_to_keep() -> None:
    held = value(
        "paint", source={"kind": "figure", "media": ""}, structures=[{"kind": "pose"}], made={"pose": "9" * 64}
    )
    assert parts(held) == (ControlClip(media="9" * 64, control="pose"),)


@pytest.mark.parametrize("held", [None, [], "", {"structures": 3}, {"structures": [3, {"kind": "smell"}], "made": []}])
def test_what_is_no_value_means_nothing(held: Any) -> None:
    assert parts(held) == ()


@pytest.mark.parametrize(
    ("held", "message"),
    [
        ({}, "There is no source."),
        (value(structures=[]), "There is no structure to follow."),
        (value(made={"depth": MADE["depth"]}), "The line art of the source was not read."),
        (value("paint", made=MADE), "Nothing is painted."),
        (value("subject", made=MADE | {"mask": ""}), "The mask was not made."),
        (value("around", made=MADE | {"around": ""}), "The source was not brought to the clip's size."),
    ],
)
def test_what_is_missing_is_told_before_anything_is_generated(
    held: dict[str, Any], message: str, studio: Studio
) -> None:
    assert refused(held, studio) == message


def test_a_request_with_a_structure_opens_this_tab_and_one_with_a_camera_does_not() -> None:
    plain = request(1)
    made = dataclasses.replace(plain, conditioning=(DEPTH, SourceClip(media="1" * 64), MaskClip(media="2" * 64)))
    values = forms.values_from(made, lock_seed=True)
    assert values["tab"] == "control"
    assert values["control"]["structures"] == [{"kind": "depth", "given": MADE["depth"], "strength": 0.5}]
    assert values["control"]["restored"] == {"source": "1" * 64, "mask": "2" * 64, "strength": 1.0}
    pictured = dataclasses.replace(plain, conditioning=(StartImage(media="3" * 64),))
    assert [tab_for(each).name for each in (plain, pictured, made)] == ["text", "image", "control"]
