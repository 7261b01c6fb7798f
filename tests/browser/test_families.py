"""The shelf in the window: models are added, fetched and removed, and three families make clips in one session."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from pipelines.conditioning.estimators import SHIPPED
from pipelines.conditioning.published import published
from pipelines.families import NAMES, family_named
from pipelines.families.family import ModelCard
from pipelines.models.hub import sha256_of
from tests.browser.acts import api, drop, generate, wait_for_api, wait_for_new_clip
from tests.browser.conftest import Window, opened_window
from tests.browser.test_image import choose, picture
from tests.checkpoints import tiny as tiny_family
from tests.pipelines import tiny
from tests.studio.shelf.samples import write_lora
from tests.support.hub import FakeHub, fake_hub, files_of

WORDS, PICTURE, AWAY = "cogvideox-2b", "svd-xt", "wan-2.1-vace-1.3b"
READER = "depth-anything-v2-small"
TINY_WIDTH = 48


@dataclass(frozen=True)
class Stocked:
    """folder: checkpoints that a person has. hub: where a model can be fetched."""

    folder: Path
    hub: FakeHub


@pytest.fixture(scope="module")
def stocked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stocked]:
    built, folder = tmp_path_factory.mktemp("built"), tmp_path_factory.mktemp("mine")
    cards = {card.id: card for name in NAMES for card in family_named(name).published(built)}
    for name in (WORDS, PICTURE):
        shutil.copytree(tiny_family.write(built, cards[name]), folder / name)
    readers = {one.id: one for one in published(built)}
    depth = files_of(SHIPPED["depth"], readers[READER].source.repository)
    with fake_hub(remote(built, cards[AWAY]) | depth) as hub:
        assert cards[AWAY].source is not None
        hub.commit = cards[AWAY].source.revision or hub.commit
        yield Stocked(folder, hub)


def remote(built: Path, card: ModelCard) -> dict[str, bytes]:
    assert card.source is not None
    return files_of(tiny.write(built / "remote", about=None), card.source.repository)


@pytest.fixture(scope="module")
def window(tmp_path_factory: pytest.TempPathFactory, stocked: Stocked) -> Iterator[Window]:
    models = tmp_path_factory.mktemp("assets") / "models"
    tiny.write(models / "toybox")
    online = {"GIMBAL_HUB": stocked.hub.url, "GIMBAL_OFFLINE": "0", "HF_HUB_OFFLINE": "0"}
    with opened_window(tmp_path_factory.mktemp("home"), GIMBAL_ASSETS=str(models.parent), **online) as window:
        yield window


def known(page: Page) -> set[str]:
    return {clip["id"] for clip in api(page, "clips")["clips"]}


def shelf(page: Page, part: str = "Models") -> None:
    page.get_by_role("button", name="All models").click()
    page.locator(".gm-m-shelf").get_by_role("tab", name=part).click()


def put_away(page: Page) -> None:
    page.locator(".gm-m-shelf > header").get_by_role("button", name="Close").click()


def take(page: Page, model: str) -> None:
    page.select_option("#gm-in-model", model)
    expect(page.locator("#gm-in-model")).to_have_value(model)


def test_three_families_make_clips_in_one_session(page: Page, stocked: Stocked, tmp_path: Path) -> None:
    shelf(page)
    page.fill("#gm-m-path", str(tmp_path / "nothing"))
    page.keyboard.press("Enter")
    expect(page.locator(".gm-m-list .gm-problem:visible")).to_contain_text("There is no")
    page.fill("#gm-m-path", str(stocked.folder))
    page.keyboard.press("Enter")
    not_there = page.locator(f".gm-m-model[data-model='{WORDS}'] .gm-m-not")
    expect(not_there).to_contain_text("Image: not. This model takes no pictures.")
    put_away(page)

    made, before = {}, known(page)
    drop(page, write_lora(tmp_path / "ink.safetensors", width=TINY_WIDTH, told={"trigger": "red"}))
    page.locator(".gm-toast", has_text="ink").get_by_role("button", name="Use it").click()
    page.locator(".gm-m-use").get_by_label("Strength of ink as a number").fill("0.5")
    page.keyboard.press("Tab")
    generate(page, "a ball on sand", steps=2)
    made["toybox"] = wait_for_new_clip(page, before)
    assert [(use["name"], use["strength"]) for use in made["toybox"]["request"]["adapters"]] == [("ink", 0.5)]
    expect(page.locator("#gm-inspector")).to_contain_text("ink · strength 0.5")

    take(page, WORDS)
    expect(page.locator(".gm-toast", has_text="Now with")).to_contain_text("The LoRA ink is let go. It was made for")
    page.click("#gm-tab-image")
    why = page.locator(".gm-cell-pictures .gm-reason", has_text="CogVideoX I2V starts from a picture")
    expect(why).to_be_visible()
    page.click("#gm-tab-text")
    before = known(page)
    generate(page, "a panda plays a tiny guitar", steps=2)
    made[WORDS] = wait_for_new_clip(page, before)

    take(page, PICTURE)
    expect(page.locator(".gm-cell-prompt .gm-reason")).to_contain_text("takes no words")
    expect(page.locator(".gm-m-why")).to_contain_text("makes nothing without a start image, which the tab Image")
    expect(page.locator("#gm-in-prompt")).to_be_disabled()
    page.click("#gm-tab-image")
    choose(page, "start", picture(tmp_path))
    before = known(page)
    page.click("#gm-generate")
    made[PICTURE] = wait_for_new_clip(page, before)
    assert {name: clip["request"]["model"] for name, clip in made.items()} == {name: name for name in made}

    page.locator(".gm-take").nth(2).click()
    page.get_by_role("button", name="Use these settings in the form").click()
    expect(page.locator(".gm-m-use[data-lora=ink]")).to_be_visible()
    expect(page.locator("#gm-in-model")).to_have_value("toybox")


def test_a_model_is_fetched_while_the_page_is_gone_and_removed_again(page: Page, stocked: Stocked) -> None:
    with stocked.hub.held():
        shelf(page)
        model = page.locator(f".gm-m-model[data-model='{AWAY}']")
        page.get_by_label("Find a model").fill("VACE 1.3B")
        model.get_by_role("button", name="Fetch").click()
        expect(model.locator(".gm-m-way")).to_be_visible()
        page.reload()
        page.wait_for_selector("html.gm-ready")
        shelf(page)
        expect(model.get_by_role("button", name="Stop")).to_be_visible()
    wait_for_api(page, "start", lambda told: AWAY in {card["id"] for card in told["cards"]})
    page.get_by_label("Find a model").fill("VACE 1.3B")
    model.get_by_role("button", name="Check ").click()
    expect(page.locator(".gm-toast", has_text="every file is as it came")).to_be_visible()
    model.get_by_role("button", name="for clips").click()
    expect(page.locator("#gm-in-model")).to_have_value(AWAY)
    shelf(page)
    model.get_by_role("button", name="Remove").click()
    model.get_by_role("button", name="Delete").click()
    wait_for_api(page, "start", lambda told: AWAY not in {card["id"] for card in told["cards"]})
    put_away(page)
    expect(page.locator("#gm-in-model")).to_have_value("toybox")


def test_an_estimator_is_fetched_and_reads_depth_in_the_form(page: Page) -> None:
    page.click("#gm-tab-control")
    page.click(".gm-c-chip[data-kind=depth]")
    chosen = page.get_by_label("What reads Depth")
    expect(chosen.locator("option")).to_have_count(1)
    page.get_by_role("button", name="Which estimators are here").click()
    row = page.locator(f".gm-m-model[data-estimator='{READER}']")
    expect(row).to_contain_text("reads depth · 99 MB to fetch")
    row.get_by_role("button", name="Fetch").click()
    row.get_by_role("button", name="Check").click()
    expect(page.locator(".gm-toast", has_text="every file is as it came")).to_be_visible()
    put_away(page)
    chosen.select_option(READER)
    expect(chosen).to_have_value(READER)
    shelf(page, "Estimators")
    row.get_by_role("button", name="Remove").click()
    row.get_by_role("button", name="Delete").click()
    expect(row).to_contain_text("to fetch")
    put_away(page)
    expect(chosen.locator("option:checked")).to_have_text(f"{READER}: not here any more")


def test_a_lora_makes_its_sample_and_comes_back_after_it_was_taken_out(page: Page, tmp_path: Path) -> None:
    path = write_lora(tmp_path / "wash.safetensors", width=TINY_WIDTH, size=0.2)
    row = page.locator(f".gm-m-lora[data-lora='{sha256_of(path)}']")
    shelf(page, "LoRA")
    drop(page, path)
    expect(row.get_by_label("Name")).to_have_value("wash")
    row.get_by_role("button", name="Sample of").click()
    expect(row.locator("video")).to_be_visible()
    row.get_by_role("button", name="Take wash out").click()
    expect(row).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(row.locator("video")).to_be_visible()
