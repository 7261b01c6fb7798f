"""The library in the window: search, rate, delete and undo, settings back into the form, dropped clips."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from tests.browser.acts import drop, wait_for_api, wait_for_stage
from tests.browser.conftest import Window
from tests.browser.control_acts import times


@pytest.fixture
def wall(page: Page) -> Locator:
    page.click("#gm-tab-library")
    expect(page.locator(".gm-tile").first).to_be_visible()
    return page.locator(".gm-tile")


def search(page: Page, words: str) -> None:
    page.keyboard.press("/")
    page.keyboard.type(words)


def test_clips_are_found_by_words_of_their_prompt(page: Page, wall: Locator, window: Window) -> None:
    search(page, "rolls take 2")
    expect(wall).to_have_count(1)
    expect(wall).to_have_attribute("data-clip", window.seeded[1])
    wall.hover()
    page.wait_for_function("document.querySelector('.gm-tile video')?.currentTime > 0")
    page.fill("#gm-search", "no such clip anywhere")
    expect(page.locator("#gm-library")).to_contain_text("No clip fits.")


def test_a_rating_given_by_key_filters_the_wall_and_is_kept(page: Page, wall: Locator, window: Window) -> None:
    search(page, "rolls take 3")
    expect(wall).to_have_count(1)
    wall.click()
    page.keyboard.press("4")
    expect(page.locator("#gm-inspector .gm-star.gm-on")).to_have_count(4)
    page.fill("#gm-search", "")
    expect(wall.nth(2)).to_be_visible()
    page.locator("#gm-library").get_by_label("Rating").select_option("4")
    expect(wall).to_have_count(1)
    expect(wall).to_have_attribute("data-clip", window.seeded[2])
    wall.click()
    page.keyboard.press("5")
    page.reload()
    page.wait_for_selector("html.gm-ready")
    wait_for_api(page, f"clips/{window.seeded[2]}", lambda clip: clip["rating"] == 5)


@pytest.mark.parametrize("way", ["button", "keys"])
def test_a_deleted_clip_comes_back(page: Page, wall: Locator, window: Window, way: str) -> None:
    search(page, "rolls take 1")
    expect(wall).to_have_count(1)
    wall.click()
    page.keyboard.press("Delete")
    expect(wall).to_have_count(0)
    wait_for_api(page, f"clips/{window.seeded[0]}", lambda clip: clip["deleted"])
    if way == "button":
        page.locator(".gm-toast").get_by_role("button", name="Undo").click()
    else:
        page.keyboard.press("Control+z")
    expect(wall).to_have_count(1)
    wait_for_api(page, f"clips/{window.seeded[0]}", lambda clip: not clip["deleted"])


def test_a_clips_settings_come_back_into_the_form(page: Page, wall: Locator, window: Window) -> None:
    search(page, "rolls take 2")
    expect(wall).to_have_count(1)
    wall.dblclick()
    page.wait_for_selector("html[data-tab='text'][data-stage='clip']")
    page.click(".gm-actions >> text=Use settings")
    expect(page.locator("#gm-in-prompt")).to_have_value("a red ball rolls on grass, take 2")
    expect(page.locator("#gm-in-seed")).to_have_value("2")
    expect(page.locator(".gm-toast")).to_contain_text("Brought onto the model's grid")
    page.wait_for_function("JSON.parse(localStorage.getItem('gimbal.form')).steps === 4")  # in a fold never opened


def test_a_dropped_clip_restores_its_settings_and_other_files_are_told(
    page: Page, window: Window, tmp_path: Path
) -> None:
    file = next(window.home.glob(f"clips/*/{window.seeded[2]}.mp4"))
    drop(page, file, "from a friend.mp4")
    expect(page.locator("#gm-in-prompt")).to_have_value("a red ball rolls on grass, take 3")
    expect(page.locator("#gm-inspector")).to_contain_text("take 3")
    picture = tmp_path / "holiday.png"
    Image.new("RGB", (40, 30), (20, 120, 200)).save(picture)
    drop(page, picture)
    expect(page.locator(".gm-toast", has_text="holiday.png")).to_contain_text("40 × 30")
    text = tmp_path / "notes.md"
    text.write_text("no film")
    drop(page, text)
    expect(page.locator(".gm-toast.gm-bad")).to_be_visible()


def test_several_clips_are_picked_rated_deleted_and_brought_back(page: Page, wall: Locator, window: Window) -> None:
    search(page, "rolls take")
    expect(wall).to_have_count(3)
    picked = page.locator(".gm-picked")
    wall.nth(0).click()
    wall.nth(2).click(modifiers=["Shift"])
    expect(picked).to_contain_text("3 clips")
    wall.nth(1).click(modifiers=["Control"])
    expect(picked).to_contain_text("2 clips")
    picked.get_by_role("button", name="Rate 2 of 5").click()
    for clip in (window.seeded[0], window.seeded[2]):
        wait_for_api(page, f"clips/{clip}", lambda answer: answer["rating"] == 2)
    page.keyboard.press("Delete")
    expect(wall).to_have_count(1)
    expect(wall).to_have_attribute("data-clip", window.seeded[1])
    expect(picked).to_be_hidden()
    page.keyboard.press("Control+z")
    expect(wall).to_have_count(3)
    wall.nth(0).locator(".gm-tile-mark").click()
    expect(picked).to_contain_text("1 clip")
    page.keyboard.press("Escape")
    expect(picked).to_be_hidden()


def test_two_takes_lie_over_one_another_on_one_clock(page: Page, wall: Locator) -> None:
    search(page, "rolls take")
    expect(wall).to_have_count(3)
    wall.nth(0).click()
    wall.nth(1).click(modifiers=["Control"])
    page.locator(".gm-picked").get_by_role("button", name="Compare two takes").click()
    wait_for_stage(page, "versus")
    expect(page.locator(".gm-versus-told")).to_contain_text("seed 3 and 2")
    view = page.locator(".gm-view-versus")
    view.get_by_role("button", name="Play or pause").click()
    view.get_by_label("Frame of all films").fill("2")
    first, second = times(page, ".gm-view-versus video")
    assert first == pytest.approx(second, abs=0.01) and first > 0
    line = page.get_by_role("slider", name="Line between seed 3 and seed 2")
    line.press("ArrowLeft")
    expect(line).to_have_attribute("aria-valuenow", "48")
    page.keyboard.press("Escape")
    wait_for_stage(page, "clip")
    page.locator(".gm-actions").get_by_role("button", name="Compare with another take").click()
    page.locator(".gm-take:not([aria-selected='true'])").first.click()
    wait_for_stage(page, "versus")
    expect(page.locator(".gm-take[data-against]")).to_have_count(1)
