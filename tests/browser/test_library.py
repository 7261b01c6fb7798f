"""The library in the window: search, rate, delete and undo, settings back into the form, dropped clips."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from tests.browser.acts import drop, wait_for_api
from tests.browser.conftest import Window


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
