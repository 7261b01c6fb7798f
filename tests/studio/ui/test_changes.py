"""Another model: what had to give way is told, each with its reason, and what a model cannot do in a tab."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from studio.home import Home
from studio.shelf.loras import Kept, Loras
from studio.ui import abilities, changes, forms
from studio.ui.tabs import tab_named
from tests.studio.shelf.samples import write_lora
from tests.studio.ui.test_forms import ABLE, PICTURE, POOR, card


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Loras(Home(tmp_path / "home")).take(write_lora(tmp_path / "ink.safetensors"))


def test_each_wish_that_gave_way_is_named_with_the_reason(kept: Kept) -> None:
    use = {"digest": kept.lora.digest, "name": "ink", "strength": 0.5}
    wished = forms.defaults(card(), [card()]) | {
        "size": [256, 128],
        "num_frames": 99,
        "steps": 20,
        "negative_prompt": "fog",
        "pictures": {"start": PICTURE, "keys": [PICTURE | {"frame": 3}]},
        "draft": True,
        "adapters": [use],
    }
    poor = replace(POOR, grid=replace(POOR.grid, max_pixels=128 * 128))
    fitted, _ = forms.fitted(wished, card(poor), (kept,))
    told = " ".join(changes.told(wished, fitted, card(poor), (kept,)))
    for words in (
        "Size 256 × 128 became",
        "Length 99 became 33 frames.",
        "Steps 20 became 4.",
        "Avoid is let go",
        "start picture is let go",
        "key pictures are let go",
        "One makes no drafts",
        "The LoRA ink is let go. One takes no LoRA.",
    ):
        assert words in told
    assert (fitted["adapters"], fitted["draft"]) == ([], False)


def test_what_fits_is_kept_and_nothing_is_said(kept: Kept) -> None:
    able = card(replace(ABLE, draft=True, adapters=True))
    use = {"digest": kept.lora.digest, "name": "ink", "strength": 0.5}
    wished = forms.defaults(able, [able]) | {"draft": True, "adapters": [use]}
    fitted, changed = forms.fitted(wished, able, (kept,))
    assert (changes.told(wished, fitted, able, (kept,)), changed) == ((), ())
    request = forms.request_from(fitted)
    assert request.draft and [(a.digest, a.strength) for a in request.adapters] == [(kept.lora.digest, 0.5)]
    back = forms.values_from(request, lock_seed=True)
    assert (back["draft"], back["adapters"]) == (True, [use])


@pytest.mark.parametrize(
    ("tab", "able", "why"),
    [
        ("text", ABLE, ""),
        ("image", ABLE, ""),
        ("image", POOR, "takes no pictures"),
        ("control", POOR, "takes no control clips"),
        (
            "text",
            replace(ABLE, needs=frozenset({"start_image"})),
            "without a start image, which the tab Image or Camera",
        ),
        ("image", replace(ABLE, needs=frozenset({"start_image"})), ""),
        ("camera", replace(POOR, prompt=False), "neither words nor a camera"),
    ],
)
def test_a_tab_says_why_a_model_makes_nothing_there(tab: str, able: object, why: str) -> None:
    told = abilities.why_not(tab_named(tab), card(able))  # type: ignore[arg-type]
    assert (why in told) if why else told == ""
