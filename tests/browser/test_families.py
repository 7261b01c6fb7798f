"""Three families in one session of the window: each makes its clip, and each says what it does not take."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from pipelines.families import NAMES, family_named
from tests.browser.acts import api, generate, wait_for_new_clip
from tests.browser.conftest import Window, opened_window
from tests.browser.test_image import choose, picture
from tests.checkpoints import tiny
from tests.pipelines.tiny import write

WORDS, PICTURE = "cogvideox-2b", "svd-xt"


@pytest.fixture(scope="module")
def window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Window]:
    built, models = tmp_path_factory.mktemp("built"), tmp_path_factory.mktemp("assets") / "models"
    cards = [card for name in NAMES for card in family_named(name).published(built)]
    write(models / "toybox")
    for card in cards:
        if card.id in (WORDS, PICTURE):
            shutil.copytree(tiny.write(built, card), models / card.id)
    with opened_window(tmp_path_factory.mktemp("home"), GIMBAL_ASSETS=str(models.parent)) as window:
        yield window


def known(page: Page) -> set[str]:
    return {clip["id"] for clip in api(page, "clips")["clips"]}


def take(page: Page, model: str) -> None:
    page.select_option("#gm-in-model", model)
    expect(page.locator("#gm-in-model")).to_have_value(model)


def test_three_families_make_clips_in_one_session(page: Page, tmp_path: Path) -> None:
    made = {}
    before = known(page)
    generate(page, "a red ball on sand", steps=2)
    made["toybox"] = wait_for_new_clip(page, before)

    take(page, WORDS)
    page.click("#gm-tab-image")
    why = page.locator(".gm-cell-pictures .gm-reason", has_text="CogVideoX I2V starts from a picture")
    expect(why).to_be_visible()
    page.click("#gm-tab-text")
    before = known(page)
    generate(page, "a panda plays a tiny guitar", steps=2)
    made[WORDS] = wait_for_new_clip(page, before)

    take(page, PICTURE)
    expect(page.locator(".gm-cell-prompt .gm-reason")).to_contain_text("takes no words")
    expect(page.locator("#gm-in-prompt")).to_be_disabled()
    page.click("#gm-tab-image")
    choose(page, "start", picture(tmp_path))
    before = known(page)
    page.click("#gm-generate")
    made[PICTURE] = wait_for_new_clip(page, before)

    assert {name: clip["request"]["model"] for name, clip in made.items()} == {name: name for name in made}
