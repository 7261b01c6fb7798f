"""The Control tab as values: what becomes of them in a request, what is refused, and the way back."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from pipelines.domain.conditioning import Conditioning, ControlClip, MaskClip, SourceClip, StartImage
from pipelines.domain.errors import InvalidRequest
from pipelines.domain.frames import Frames
from studio.camera.sketches import first_sketch
from studio.media import read_image
from studio.media.plain import png
from studio.structure import keep
from studio.studio import Studio
from studio.ui import forms
from studio.ui.tabs import control, tab_for
from tests.studio.library_samples import request

SOURCE = {"media": "5" * 64, "kind": "clip"}
MADE = {name: str(place) * 64 for place, name in enumerate(("depth", "lineart", "source", "mask", "around"))}
START = {"media": "7" * 64}
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


def test_control_clips_count_for_a_part_of_the_steps_where_they_are_all_that_is_given() -> None:
    for more, wanted in (({}, (0.0, 0.5)), ({"start": START}, (0.0, 1.0)), ({"what": "paint"}, (0.0, 1.0))):
        depth = parts(value(**more, span=[0, 0.5]))[0]
        assert isinstance(depth, ControlClip) and (depth.start, depth.end) == wanted


def test_a_model_without_spans_lets_the_span_go_and_tells_why(studio: Studio) -> None:
    toybox = studio.catalog.card("toybox")
    held = value(span=[0, 0.5])
    without = dataclasses.replace(toybox.capabilities, control_span=False, conditionings=frozenset({ControlClip.kind}))
    card = dataclasses.replace(toybox, capabilities=without)
    assert control.TAB.fitted({"control": held}, toybox)["control"] == held
    assert "span" not in control.TAB.fitted({"control": held}, card)["control"]
    (spec,) = control.TAB.specs(card)
    assert "all steps" in spec.extra["span"] and "start image" in spec.extra["start"]
    assert (control.TAB.specs(toybox)[0].extra["span"], control.TAB.specs(toybox)[0].extra["start"]) == ("", "")


def test_the_start_picture_is_sent_as_its_frame_shows_it(studio: Studio) -> None:
    wide = np.zeros((32, 64, 3), np.uint8)
    wide[:, 8:56] = (0, 200, 0)
    picture = {"media": studio.library.add_media(png(wide), "wide.png").sha256, "mode": "fill", "name": "wide.png"}
    rows = np.linspace(10, 250, 128).astype(np.uint8)  # near, below, is bright
    frames = np.broadcast_to(rows[None, :, None, None], (17, 128, 128, 3)).copy()
    depth = keep(studio.library, Frames(frames, 8.0), "depth.mp4").sha256
    held = {"structures": [{"kind": "depth", "given": depth}], "made": {"depth": depth}, "start": picture}
    values = {"tab": "control", "prompt": "a ball", "size": [128, 128], "num_frames": 17, "fps": 8, "control": held}
    sent = forms.request_from(control.TAB.prepared(values, studio)).conditioning[-1]
    assert isinstance(sent, StartImage)
    seen = read_image(studio.library.media_path(sent.media)).pixels
    assert seen.shape == (1, 128, 128, 3) and np.abs(seen.astype(int) - (0, 200, 0)).max() < 3


def test_a_move_beside_other_structure_comes_back_into_this_tab_and_alone_into_the_camera_s() -> None:
    path = first_sketch()["path"]
    structures = [{"kind": "depth", "given": MADE["depth"], "path": path}, {"kind": "lineart"}]
    values = {"tab": "control", "control": value(structures=structures, start=START, span=[0.2, 1])}
    made = forms.request_from(values, roll=1)
    assert made.camera is not None and StartImage(media=START["media"]) in made.conditioning
    back = control.TAB.values(made)
    assert back is not None and tab_for(made).name == "control"
    assert (back["control"]["structures"][0]["path"], back["control"]["start"]) == (path, START)
    alone = forms.request_from({"tab": "control", "control": value(structures=structures[:1])}, roll=1)
    assert tab_for(alone).name == "camera"
    spanned = forms.request_from({"tab": "control", "control": value(span=[0.2, 0.9])}, roll=1)
    assert (control.TAB.values(spanned) or {})["control"]["span"] == [0.2, 0.9]


def test_a_path_that_is_none_is_left_out() -> None:
    structures = [{"kind": "depth", "given": MADE["depth"], "path": {"keys": "no"}}]
    assert "camera" not in control.TAB.parts({"control": value(structures=structures)})


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
