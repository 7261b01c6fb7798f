"""Clips longer than what a model makes at once: asked for by their length alone, made window by window."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipelines.domain.capabilities import problems
from pipelines.domain.conditioning import ControlClip, ReferenceImage, StartImage
from pipelines.domain.frames import Frames
from pipelines.families import NAMES, family_named
from pipelines.families.family import ModelCard, Progress, Setup
from tests.checkpoints import tiny
from tests.pipelines.conftest import smallest_request

MEDIUM = "a" * 64
SETUP = Setup(device="cpu", half=False)
CARDS = {card.id: card for name in NAMES for card in family_named(name).published(Path("models"))}
# By card: a length beyond one window, how many windows that is, and what the card needs.
LONG: dict[str, tuple[int, int, tuple[Any, ...]]] = {
    "animatediff": (20, 1, ()),
    "framepack": (73, 2, (StartImage(media=MEDIUM),)),
    "wan-2.2-animate-14b": (153, 2, (ReferenceImage(media=MEDIUM), ControlClip(media=MEDIUM, control="pose"))),
}
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def lengthened(home: Path, card: ModelCard, length: int) -> ModelCard:
    """A tiny checkpoint of the card's name that offers the length."""
    folder = tiny.write(home, card)
    about = json.loads((folder / "gimbal.json").read_text())
    (folder / "gimbal.json").write_text(json.dumps({**about, "lengths": [length]}))
    return family_named(card.family).card(folder, card.id)


@pytest.mark.parametrize("card_id", LONG)
def test_a_clip_beyond_one_window_is_made_whole(card_id: str, tmp_path: Path) -> None:
    length, windows, parts = LONG[card_id]
    card = lengthened(tmp_path, CARDS[card_id], length)
    loader = family_named(card.family).loader()
    model: Any = loader.assemble(card, {n: loader.component(card, n, SETUP) for n in loader.shares(card)}, SETUP)
    request = smallest_request(card, num_frames=length, steps=2, conditioning=parts)
    assert problems(request, card.capabilities) == ()
    noise = np.random.default_rng(0).integers(0, 255, (length, request.height, request.width, 3), np.uint8)
    told: list[Progress] = []
    joined: list[bool] = []

    def hear(progress: Progress) -> None:
        told.append(progress)
        joined.append(bool(getattr(model.pipe, "free_noise_enabled", False)))

    made: Frames = model.generate(request, {MEDIUM: Frames(noise, 8)}, hear)
    assert len(made) == length and made.pixels[-1].std() > 0
    assert [p.step for p in told if p.stage == "denoising"] == list(range(1, 2 * windows + 1))
    if card_id == "animatediff":
        assert any(joined) and not model.pipe.free_noise_enabled


def test_cards_that_go_beyond_one_window_offer_it_and_say_so() -> None:
    words = {"animatediff": "FreeNoise", "framepack": "Long clips", "wan-2.2-animate-14b": "long clips"}
    for card_id, (length, _, _) in LONG.items():
        card = CARDS[card_id]
        assert words[card_id] in card.summary + card.weaknesses
        assert card.capabilities.grid.max_frames >= length
        window = card.settings["shape"].window or card.settings["free_noise"]
        assert max(card.capabilities.grid.lengths) > window
