"""The README's pictures, taken of a real studio: `python -m tests.browser.screenshots [FOLDER]`, about two minutes."""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.acts import api, drop, wait_for_api
from tests.browser.conftest import DESK, FLAGS, PHONE, ROOT, opened_window
from tests.browser.control_acts import open_control, wait_for_films, waving
from tests.browser.test_subject import begin, pictures
from tests.support.chromium import find

PROMPTS = (
    "a yellow ring on snow under a cloudy sky, the camera trucks right",
    "tilt up, a pink column standing still on a meadow at sunset",
    "a person in a green shirt and black trousers is walking on grass on a clear day",
    "a green pillar on a wooden floor under an overcast sky, the camera trucks left",
    "a cyan ball in the desert under a clear sky, the camera pushes in",
    "a red cube to the left of a blue ball on a tiled floor under a cloudy sky",
    "a blue cone on sand at sunset, the camera pans left",
    "the camera cranes up, a black cube in the desert under a clear sky",
    "a pink ball on snow at sunset, static camera",
    "a red cone on a tiled floor under an overcast sky",
    "a person in a blue shirt and red trousers is waving on sand at sunset, static camera",
    "a red ball on grass under a clear sky, the camera pushes in",
)
MOST_BYTES = 300_000
PUT = "([name, value]) => import('/gimbal/static/fields.js').then(m => m.field(name).put(value))"
MAKING_SECONDS = 600
SHOWN = 5
"""Which take stands on the stage."""


def opened(browser: Browser, url: str, size: tuple[int, int]) -> Page:
    page = browser.new_context(viewport={"width": size[0], "height": size[1]}, has_touch=size == PHONE).new_page()
    page.goto(url)
    page.wait_for_selector("html.gm-ready")
    return page


def make_clips(page: Page) -> None:
    """One clip of each prompt, its seed chosen by its place; nothing else in the library."""
    seeded = [clip["id"] for clip in api(page, "clips")["clips"]]
    page.evaluate("ids => import('/gimbal/static/api.js').then(m => m.post('clips/delete', { ids }))", seeded)
    for seed, prompt in enumerate(PROMPTS, 1):
        page.evaluate(PUT, ["seed", {"locked": True, "value": seed}])
        page.fill("#gm-in-prompt", prompt)
        page.wait_for_timeout(500)
        page.click("#gm-generate")
    made = len(PROMPTS)
    wait_for_api(page, "clips?limit=100", lambda answer: len(answer["clips"]) == made, MAKING_SECONDS)
    page.evaluate(PUT, ["seed", {"locked": False, "value": 0}])
    page.reload()
    page.wait_for_selector("html.gm-ready")


def take(page: Page, path: Path) -> None:
    """A picture of the window, with fewer colours where it would be too large."""
    page.wait_for_timeout(1500)
    data = page.screenshot(animations="disabled")
    if len(data) > MOST_BYTES:
        out, shown = io.BytesIO(), Image.open(io.BytesIO(data)).convert("RGB")
        shown.quantize(palette=shown.quantize(256), dither=Image.Dither.FLOYDSTEINBERG).save(out, "PNG", optimize=True)
        data = out.getvalue()
    path.write_bytes(data)


def desk(page: Page, folder: Path, scratch: Path) -> None:
    page.locator(".gm-take").nth(SHOWN).click()
    page.locator(".gm-view-clip .gm-scrub").fill("8")
    take(page, folder / "text.png")
    page.click("#gm-tab-library")
    take(page, folder / "library.png")
    page.click("#gm-tab-camera")
    take(page, folder / "camera.png")
    open_control(page)
    drop(page, waving(scratch, 60))
    wait_for_films(page, "source", "depth")
    for kind in ("pose", "edges"):
        page.click(f".gm-c-chip[data-kind={kind}]")
    wait_for_films(page, "pose", "edges")
    page.select_option("#gm-in-change", "background")
    expect(page.locator(".gm-c-tint")).to_be_visible(timeout=90_000)
    page.locator(".gm-bench").get_by_label("Frame of all films").fill("6")
    page.locator(".gm-c-rows").scroll_into_view_if_needed()
    take(page, folder / "control.png")
    begin(page, pictures(scratch, 4), "my-ball")
    page.evaluate("document.activeElement.blur()")
    take(page, folder / "subject.png")


def main(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        (home := Path(scratch) / "home").mkdir()
        browser = playwright.chromium.launch(executable_path=find(), args=FLAGS)
        with opened_window(home) as window:
            page = opened(browser, window.url, DESK)
            make_clips(page)
            desk(page, folder, Path(scratch))
            page.context.close()  # or the other would tell that two windows are open
            take(opened(browser, window.url, PHONE), folder / "phone-text.png")
            browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "assets" / "screenshots")
