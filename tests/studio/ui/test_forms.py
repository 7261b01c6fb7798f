"""The form is made from capabilities alone: what it offers is what the validator takes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.domain.capabilities import Capabilities, FrameGrid, Range, problems
from pipelines.domain.conditioning import Conditioning, EndImage, ExtendClip, KeyImage, StartImage
from pipelines.domain.request import MAX_SEED, GenerationRequest
from pipelines.families.family import ModelCard
from studio.ui import forms
from studio.ui.specs import MAX_TAKES, common

GRID = FrameGrid(
    size_multiple=16,
    min_side=64,
    max_side=256,
    max_pixels=256 * 144,
    sizes=((128, 128), (256, 144)),
    frames_multiple=4,
    lengths=(17, 9),
    max_frames=34,
    fps=Range(low=4, high=24, default=8),
)
ABLE = Capabilities(
    grid=GRID,
    steps=Range(low=1, high=50, default=20),
    guidance=Range(low=1, high=10, default=3, step=0.5),
    conditionings=frozenset({"start_image", "end_image", "key_image", "source_clip"}),
    vocabulary=frozenset({"a", "red", "ball"}),
)
PICTURE = {"media": "ab" * 32}
POOR = replace(ABLE, negative_prompt=False, conditionings=frozenset(), steps=Range(low=4, high=4, default=4))


def card(able: Capabilities = ABLE, name: str = "one") -> ModelCard:
    return ModelCard(
        id=name,
        title=name.title(),
        family="wan",
        folder=Path("nowhere"),
        summary="A model.",
        licence="MIT",
        capabilities=able,
        examples=("a red ball",),
        settings={},
    )


def test_an_untouched_form_with_a_prompt_is_a_request_its_model_serves() -> None:
    for able in (ABLE, POOR):
        values = forms.defaults(card(able), [card(able)]) | {"prompt": "a red ball"}
        assert problems(forms.request_from(values), able) == ()


@given(
    st.fixed_dictionaries(
        {
            "size": st.tuples(st.integers(-10, 9000), st.integers(-10, 9000)).map(list),
            "num_frames": st.integers(-5, 500),
            "fps": st.floats(allow_nan=True, allow_infinity=True),
            "steps": st.integers(-5, 500),
            "guidance": st.floats(-100, 100),
            "negative_prompt": st.text(max_size=20),
            "tab": st.sampled_from(["text", "image", "nowhere"]),
            "pictures": st.one_of(st.none(), st.just({"start": PICTURE, "keys": [PICTURE | {"frame": 0}]})),
            "extension": st.one_of(st.none(), st.just({"media": "ab" * 32, "way": "backward", "keep": 0})),
            "seed": st.just({"locked": True, "value": 7}),
        }
    ),
    st.sampled_from([ABLE, POOR]),
)
def test_whatever_was_in_the_form_another_model_gets_values_it_can_serve(
    wild: dict[str, object], able: Capabilities
) -> None:
    values = wild | {"prompt": "a red ball", "model": "elsewhere"}
    fitted, _ = forms.fitted(values, card(able))
    assert problems(forms.request_from(fitted), able) == ()


MEDIA = "cd" * 32


@pytest.mark.parametrize(
    ("tab", "parts"),
    [
        ("text", ()),
        ("image", (StartImage(media=MEDIA), KeyImage(media=MEDIA, frame=8), EndImage(media=MEDIA))),
        ("image", (EndImage(media=MEDIA), ExtendClip(media=MEDIA, way="forward", keep=5))),
    ],
)
def test_a_request_that_fits_comes_back_from_the_form_unchanged(tab: str, parts: tuple[Conditioning, ...]) -> None:
    request = GenerationRequest(
        model="one",
        prompt="a red ball",
        negative_prompt="a ball",
        seed=MAX_SEED,
        width=256,
        height=144,
        num_frames=33,
        fps=12,
        steps=7,
        guidance=2.5,
        conditioning=parts,
    )
    values = forms.values_from(request, lock_seed=True)
    fitted, changed = forms.fitted(values, card())
    assert (values["tab"], forms.request_from(fitted), changed) == (tab, request, ())


def test_a_rolled_seed_is_another_one_each_time_and_a_locked_one_stays() -> None:
    values = forms.defaults(card(), [card()])
    assert len({forms.request_from(values).seed for _ in range(20)}) > 15
    values["seed"] = {"locked": True, "value": 41}
    assert {forms.request_from(values).seed for _ in range(5)} == {41}


def test_what_a_model_cannot_do_is_greyed_with_its_reason() -> None:
    made = forms.specs(card(POOR), [card(POOR)])
    assert {name for name, spec in made.items() if spec.reason} == {
        "negative_prompt",
        "pictures",
        "extension",
        "control",
        "steps",
        "draft",
        "adapters",
    }
    assert all(spec.reason.endswith(".") for spec in made.values() if spec.reason)
    able = card(replace(ABLE, draft=True, adapters=True))
    assert not [name for name, spec in forms.specs(able, [able]).items() if spec.reason]


def test_every_control_belongs_to_all_tabs_or_to_one() -> None:
    own = [name for names in forms.own_names(card()).values() for name in names]
    shared = [spec.name for spec in common(card(), [card()])]
    assert sorted(forms.specs(card(), [card()])) == sorted(["tab", "adapters", *shared, *own])
    assert len({*own, *shared}) == len(own) + len(shared)


def test_only_the_controls_of_the_open_tab_count() -> None:
    values = forms.defaults(card(), [card()]) | {"pictures": {"start": PICTURE}}
    assert forms.request_from(values | {"tab": "text"}).conditioning == ()
    assert forms.request_from(values | {"tab": "image"}).conditioning == (StartImage(media="ab" * 32),)


def test_a_clip_it_goes_on_from_stands_in_for_the_picture_at_its_end() -> None:
    values = forms.defaults(card(), [card()]) | {"tab": "image", "pictures": {"start": PICTURE, "end": PICTURE}}
    for way, left in (("forward", "end_image"), ("backward", "start_image")):
        going_on = values | {"extension": {"media": MEDIA, "way": way, "keep": 4}}
        assert [part.kind for part in forms.request_from(going_on).conditioning] == [left, "extend_clip"]


def test_a_request_of_one_tab_leaves_the_controls_of_the_others_alone() -> None:
    request = forms.request_from(forms.defaults(card(), [card()]), roll=1)
    values = forms.values_from(request, lock_seed=True)
    assert values["tab"] == "text" and "pictures" not in forms.fitted(values, card())[0]


def test_the_words_a_model_does_not_know_are_named() -> None:
    assert forms.unknown({"prompt": "A red dragon, a RED ball"}, card()) == ("dragon",)


@pytest.mark.parametrize(("asked", "takes"), [(0, 1), (3, 3), (99, MAX_TAKES), (None, 1), ("x", 1)])
def test_the_number_of_takes_stays_in_its_bounds(asked: object, takes: int) -> None:
    assert forms.takes_of({"takes": asked}) == takes


def test_changing_the_model_says_which_wishes_had_to_change() -> None:
    values = forms.defaults(card(), [card()]) | {"num_frames": 99, "negative_prompt": "a"}
    assert forms.fitted(values, card(POOR))[1] == ("Avoid", "Length", "Steps")


def test_going_back_from_a_model_with_fixed_steps_brings_the_own_ones_back() -> None:
    fast = card(replace(ABLE, steps=Range(low=4, high=4, default=4), guidance=Range(low=1, high=1, default=1)), "fast")
    plain, cards = card(), (card(), fast)
    there, _ = forms.fitted(forms.defaults(plain, cards), fast)
    assert (there["steps"], there["guidance"]) == (4, 1)
    back, _ = forms.fitted(forms.without_leftovers(there, plain, cards), plain)
    assert (back["steps"], back["guidance"]) == (20, 3)
    chosen = there | {"steps": 6, "guidance": 1}
    assert forms.without_leftovers(chosen, plain, cards) == chosen
    assert forms.without_leftovers(there, fast, cards) == there
