"""The stage: keys of the player, the clip made again, and a start picture."""

from __future__ import annotations

from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.acts import api, drop, generate, wait_for_new_clip, wait_for_stage

NEWEST = "clips?limit=1"


def frame(page: Page) -> int:
    return int(page.inner_text(".gm-view-clip .gm-counter").split("/")[0])


def test_the_player_answers_to_its_keys(page: Page) -> None:
    wait_for_stage(page, "clip")
    page.wait_for_function("document.querySelector('.gm-video').currentTime > 0")
    page.click(".gm-view-clip .gm-counter")
    page.keyboard.press("Space")
    assert page.evaluate("document.querySelector('.gm-video').paused")
    page.locator(".gm-view-clip .gm-scrub").fill("1")
    page.evaluate("document.activeElement.blur()")
    expect(page.locator(".gm-view-clip .gm-counter")).to_contain_text("2 /")
    for key, wanted in (("ArrowRight", 3), ("ArrowRight", 4), ("ArrowLeft", 3)):
        page.keyboard.press(key)
        shown = "parseInt(document.querySelector('.gm-view-clip .gm-counter').textContent)"
        page.wait_for_function(f"{shown} === {wanted}")
    assert frame(page) == 3
    page.keyboard.press("j")
    page.wait_for_function("parseInt(document.querySelector('.gm-view-clip .gm-counter').textContent) !== 3")
    page.keyboard.press("k")
    page.keyboard.press("l")
    page.wait_for_function("!document.querySelector('.gm-video').paused")
    page.keyboard.press("?")
    expect(page.locator("dialog")).to_contain_text("Step one frame")
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_have_count(0)


def test_again_makes_the_same_frames_and_vary_makes_others(page: Page) -> None:
    generate(page, "a blue cube on grass")
    wait_for_stage(page, "clip")
    first = api(page, NEWEST)["clips"][0]
    known = {first["id"]}
    made = {}
    for way in ("Again", "Vary"):
        page.click(f".gm-actions >> text={way}")
        made[way] = wait_for_new_clip(page, known)
        known.add(made[way]["id"])
    frames = api(page, f"clips/{first['id']}")["frames_sha256"]
    assert made["Again"]["id"] != first["id"]
    assert (made["Again"]["seed"], made["Again"]["frames_sha256"]) == (first["seed"], frames)
    assert made["Vary"]["seed"] != first["seed"] and made["Vary"]["frames_sha256"] != frames
    expect(page.locator(".gm-estimate")).to_contain_text("took")


def test_a_dropped_picture_becomes_the_first_frame(page: Page, tmp_path: Path) -> None:
    picture = tmp_path / "start.png"
    Image.new("RGB", (128, 128), (40, 90, 200)).save(picture)
    drop(page, picture)
    page.get_by_role("button", name="Use as start picture").click()
    expect(page.locator("#gm-tab-image")).to_have_attribute("aria-selected", "true")
    expect(page.locator(".gm-slot[data-place=start] img")).to_be_visible()
    generate(page, "a red ball on sand")
    wait_for_stage(page, "clip")
    clip = api(page, f"clips/{api(page, NEWEST)['clips'][0]['id']}")
    assert [part["kind"] for part in clip["request"]["conditioning"]] == ["start_image"]
    expect(page.locator("#gm-inspector img")).to_be_visible()
    page.get_by_role("button", name="Remove this picture").click()
    expect(page.locator(".gm-slot[data-place=start] img")).to_have_count(0)
