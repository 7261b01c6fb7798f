"""A phone: nothing scrolls sideways, every target can be hit, and a clip is made."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.acts import generate, wait_for_stage
from tests.browser.conftest import PHONE, Opener

SIDEWAYS = "Math.max(document.documentElement.scrollWidth, document.body.scrollWidth) - innerWidth"
TARGETS = "button, select, input:not([type=file]):not(#gm-search), textarea, summary"
SMALL = """(targets) => [...document.querySelectorAll(targets)]
    .filter(e => e.checkVisibility({ visibilityProperty: true }))
    .map(e => [e, e.getBoundingClientRect()])
    .filter(([e, r]) => r.width < 39.5 || r.height < 39.5)
    .map(([e, r]) => `${e.className || e.id} ${Math.round(r.width)}x${Math.round(r.height)}`)"""


def fits(page: Page) -> None:
    page.wait_for_timeout(250)
    assert page.evaluate(SIDEWAYS) <= 0
    assert page.evaluate(SMALL, TARGETS) == []


def test_a_phone_makes_a_clip_without_scrolling_sideways(open_page: Opener) -> None:
    page = open_page(PHONE)
    fits(page)
    generate(page, "a yellow ball on snow")
    fits(page)
    wait_for_stage(page, "clip")
    top = page.locator("#gm-stage").bounding_box()
    page.locator("#gm-form").evaluate("form => form.scrollTo(0, 9999)")
    assert top == page.locator("#gm-stage").bounding_box()
    fits(page)
    page.get_by_role("button", name="Details").click()
    expect(page.locator("#gm-inspector")).to_contain_text("a yellow ball on snow")
    fits(page)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Export").first.click()
    with page.expect_download():
        page.click("#gm-export-go")
    dialog, link = (page.locator(name).bounding_box() for name in ("dialog[open]", "#gm-export-file"))
    assert dialog and link and link["x"] + link["width"] < dialog["x"] + dialog["width"]
    page.keyboard.press("Escape")
    page.click("#gm-queue-toggle")
    fits(page)
    page.click("#gm-queue-toggle")
    page.click("#gm-tab-library")
    expect(page.locator(".gm-tile").first).to_be_visible()
    fits(page)


def test_every_tab_of_a_phone_leads_to_every_other(open_page: Opener) -> None:
    page = open_page(PHONE)
    names = page.eval_on_selector_all(".gm-tabs [id^=gm-tab-]", "tabs => tabs.map(tab => tab.id)")
    assert len(names) == 6
    for here in names:
        for there in names:
            for tab in (here, there):
                page.locator(f"#{tab}").click(timeout=5000)
                expect(page.locator(f"#{tab}")).to_have_attribute("aria-selected", "true")
