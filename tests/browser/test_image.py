"""The Image tab, on a tiny model that takes everything: pictures in time, the frame on them, a clip gone on from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from studio.media import read_image
from tests.browser.acts import api, drop, generate, wait_for_new_clip
from tests.browser.conftest import PHONE, Opener, Window, opened_window
from tests.browser.test_phone import fits
from tests.pipelines.tiny import ABOUT, write

SIZE = (64, 64)
LENGTH = 9
KEPT = "JSON.parse(localStorage.getItem('gimbal.form')).pictures"


@pytest.fixture(scope="module")
def window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Window]:
    assets = tmp_path_factory.mktemp("assets")
    write(assets / "models" / "toybox", about={**ABOUT, "lengths": [LENGTH, 5, 1]})
    with opened_window(tmp_path_factory.mktemp("home"), GIMBAL_ASSETS=str(assets)) as window:
        yield window


def picture(folder: Path, name: str = "holiday.png", size: tuple[int, int] = (320, 200)) -> Path:
    """Blue on the left, red on the right."""
    image = Image.new("RGB", size, (30, 60, 200))
    image.paste((220, 40, 40), (size[0] // 2, 0, *size))
    image.save(folder / name)
    return folder / name


def known(page: Page) -> set[str]:
    return {clip["id"] for clip in api(page, "clips")["clips"]}


def choose(page: Page, place: str, file: Path) -> None:
    """Choose a file for a place, and wait until the place shows it."""
    page.click(f".gm-slot[data-place={place}]:not(:has(img))")
    with page.expect_file_chooser() as waited:
        page.get_by_role("menuitem", name="Choose a file").click()
    waited.value.set_files(str(file))
    expect(page.locator(f".gm-slot[data-place={place}] img").first).to_be_visible()


def test_what_the_frame_on_a_picture_shows_is_the_first_frame_that_is_sent(
    page: Page, window: Window, tmp_path: Path
) -> None:
    before = known(page)
    page.click("#gm-tab-image")
    choose(page, "start", picture(tmp_path))
    frame = page.locator(".gm-own-image .gm-frame")
    expect(page.locator(".gm-own-image .gm-modes [data-mode=fill]")).to_have_attribute("aria-checked", "true")
    box = page.locator(".gm-own-image .gm-sheet").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.99, box["y"] + box["height"] / 2, steps=5)
    page.mouse.up()
    expect(page.locator(".gm-own-image .gm-modes [data-mode=crop]")).to_have_attribute("aria-checked", "true")
    frame.press("+")
    for _ in range(6):
        frame.press("ArrowRight")
    seen = frame.bounding_box()
    assert seen is not None and abs(seen["x"] + seen["width"] - box["x"] - box["width"]) < 2
    page.wait_for_function(f"{KEPT}.start?.zoom > 1")
    generate(page, "a red ball on sand", steps=1)
    clip = wait_for_new_clip(page, before)
    (part,) = clip["request"]["conditioning"]
    sent = read_image(next(window.home.glob(f"media/*/{part['media']}.png"))).pixels[0]
    share_seen = (box["x"] + box["width"] / 2 - seen["x"]) / seen["width"]  # of the frame, left of the red half
    share_sent = (sent[..., 2] > 120).mean()
    assert sent.shape == (64, 64, 3) and 0.05 < share_seen < 0.3 and abs(share_seen - share_sent) < 0.02
    expect(page.locator("#gm-inspector img")).to_be_visible()


def test_keys_stand_on_the_grid_and_come_back_with_the_settings(page: Page, tmp_path: Path) -> None:
    before = known(page)
    page.click("#gm-tab-image")
    for place in ("start", "end", "key"):
        choose(page, place, picture(tmp_path, f"{place}.png", SIZE))
    expect(page.locator(".gm-slot", has_text="Frame 5")).to_be_visible()
    page.locator(".gm-own-image .gm-movable").press("ArrowRight")
    page.wait_for_function(f"{KEPT}.keys?.[0].frame === 8")
    page.get_by_label("Frame of this key picture").fill("4")
    page.get_by_label("Frame of this key picture").press("Enter")
    page.wait_for_function(f"{KEPT}.keys?.[0].frame === 3")
    generate(page, "a red ball on sand", steps=1)
    clip = wait_for_new_clip(page, before)
    parts = clip["request"]["conditioning"]
    assert [(part["kind"], part.get("frame")) for part in parts] == [
        ("start_image", None),
        ("key_image", 3),
        ("end_image", None),
    ]
    page.click(".gm-cell-pictures .gm-reset")
    expect(page.locator(".gm-slot img")).to_have_count(0)
    page.click("#gm-tab-text")
    page.click(".gm-actions >> text=Use settings")
    expect(page.locator("#gm-tab-image")).to_have_attribute("aria-selected", "true")
    expect(page.locator(".gm-slot img")).to_have_count(3)


def test_a_frame_of_a_clip_starts_another_and_a_clip_goes_on_both_ways(page: Page) -> None:
    page.wait_for_selector("html[data-stage='clip']")
    page.get_by_role("button", name="Use this frame").click()
    page.get_by_role("menuitem", name="start picture").click()
    expect(page.locator(".gm-slot[data-place=start] img")).to_be_visible()
    page.click(".gm-cell-pictures .gm-reset")
    before = known(page)
    generate(page, "a red ball on sand", steps=1)
    first = wait_for_new_clip(page, before)
    lengths = {"Forward": LENGTH + LENGTH - 5, "Backward": LENGTH + LENGTH - 5 + LENGTH - 4}
    for way, length in lengths.items():
        parent, before = api(page, "clips?limit=1")["clips"][0], known(page)
        page.get_by_role("button", name="Extend this clip").click()
        page.get_by_role("menuitem", name=way).click()
        expect(page.locator(f".gm-extension [data-way={way.lower()}]")).to_have_attribute("aria-checked", "true")
        page.wait_for_function(
            "n => JSON.parse(localStorage.getItem('gimbal.form')).extension?.num_frames === n", arg=parent["num_frames"]
        )
        page.click("#gm-generate")
        clip = wait_for_new_clip(page, before)
        assert (clip["num_frames"], clip["parent"]) == (length, parent["id"])
    assert first["num_frames"] == LENGTH
    expect(page.locator("#gm-inspector")).to_contain_text("Comes from")


def test_pictures_of_every_kind_are_taken_or_refused_in_words(page: Page, tmp_path: Path) -> None:
    page.click("#gm-tab-image")
    clear = tmp_path / "clear.png"
    Image.new("RGBA", (90, 60), (200, 10, 10, 80)).save(clear)
    drop(page, clear)
    expect(page.locator(".gm-toast", has_text="clear.png")).to_contain_text("grey")
    expect(page.locator(".gm-slot[data-place=start] img")).to_be_visible()
    moving = [Image.new("RGB", (64, 48), (value, 0, 0)) for value in (200, 10)]
    moving[0].save(tmp_path / "moves.webp", save_all=True, append_images=moving[1:], duration=100)
    page.click(".gm-slot[data-place=end]")
    with page.expect_file_chooser() as waited:
        page.get_by_role("menuitem", name="Choose a file").click()
    waited.value.set_files(str(tmp_path / "moves.webp"))
    expect(page.locator(".gm-toast", has_text="moves.webp")).to_contain_text("first frame")
    (tmp_path / "no.png").write_bytes(b"no picture at all")
    drop(page, tmp_path / "no.png")
    expect(page.locator(".gm-toast.gm-bad")).to_be_visible()
    expect(page.locator(".gm-slot img")).to_have_count(2)


def test_the_image_tab_fits_a_phone(open_page: Opener, tmp_path: Path) -> None:
    page = open_page(PHONE)
    page.click("#gm-tab-image")
    choose(page, "start", picture(tmp_path))
    fits(page)
    page.locator(".gm-own-image .gm-frame").scroll_into_view_if_needed()
    fits(page)
    page.get_by_role("button", name="Extend this clip").click()
    page.get_by_role("menuitem", name="Forward").click()
    page.locator(".gm-extension").scroll_into_view_if_needed()
    expect(page.locator(".gm-slot[data-place=start]")).to_be_disabled()
    fits(page)
