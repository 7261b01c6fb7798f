"""The queue in the window: order by keys and by drag, cancel, pause, from any tab and after a reload."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.acts import api, expect_prompts, generate, prompts, wait_for_stage
from tests.browser.conftest import Opener

ONE, TWO, THREE = "a red cube on sand", "a blue cube on sand", "a green cube on sand"


@pytest.fixture
def paused(open_page: Opener) -> Iterator[Page]:
    """A page whose queue is paused and holds three jobs; emptied and resumed afterwards."""
    page = open_page()
    page.click("#gm-queue-pause")
    expect(page.locator("#gm-queue-pause")).to_have_text("Resume")
    for prompt in (ONE, TWO, THREE):
        generate(page, prompt)
    page.click("#gm-queue-toggle")
    expect_prompts(page, "waiting", [ONE, TWO, THREE])
    yield page
    while prompts(page, "waiting"):
        count = len(prompts(page, "waiting"))
        page.locator(".gm-queue-waiting .gm-job").first.get_by_role("button", name="Cancel").click()
        expect(page.locator(".gm-queue-waiting .gm-job")).to_have_count(count - 1)
    if page.locator("#gm-queue-pause").inner_text() == "Resume":
        page.click("#gm-queue-pause")
        expect(page.locator("#gm-queue-pause")).to_have_text("Pause")


def test_waiting_jobs_are_reordered_by_keys_and_by_drag(paused: Page) -> None:
    grips = paused.locator(".gm-queue-waiting .gm-grip")
    grips.nth(2).focus()
    paused.keyboard.press("ArrowUp")
    expect_prompts(paused, "waiting", [ONE, THREE, TWO])
    assert paused.evaluate("document.activeElement.classList.contains('gm-grip')")
    first, last = grips.nth(0).bounding_box(), grips.nth(2).bounding_box()
    assert first and last
    paused.mouse.move(last["x"] + 8, last["y"] + 8)
    paused.mouse.down()
    paused.mouse.move(first["x"] + 8, first["y"] - 6, steps=6)
    paused.mouse.up()
    expect_prompts(paused, "waiting", [TWO, ONE, THREE])
    paused.reload()
    paused.wait_for_selector("html.gm-ready")
    paused.click("#gm-queue-toggle")
    expect_prompts(paused, "waiting", [TWO, ONE, THREE])


def test_a_cancelled_job_leaves_and_the_queue_goes_on_after_a_pause(paused: Page) -> None:
    paused.locator(".gm-queue-waiting .gm-job", has_text=TWO).get_by_role("button", name="Cancel").click()
    expect_prompts(paused, "waiting", [ONE, THREE])
    paused.click("#gm-tab-library")
    expect(paused.locator("#gm-queue")).to_contain_text("2 waiting")
    paused.locator(".gm-queue-waiting .gm-job", has_text=THREE).get_by_role("button", name="Cancel").click()
    paused.click("#gm-tab-text")
    paused.click(".gm-coming")
    paused.click("#gm-queue-pause")
    wait_for_stage(paused, "clip")
    expect(paused.locator("#gm-inspector")).to_contain_text(ONE)
    assert api(paused, "clips?limit=1")["clips"][0]["prompt"] == ONE
