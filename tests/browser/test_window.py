"""The window as a whole: readable in both appearances, operable by keys alone, opened once."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from playwright.sync_api import Page, expect

from tests.browser.acts import wait_for_stage
from tests.browser.conftest import ROOT, Opener, Window

# Contrast as WCAG 2 defines it, of each visible text against the first opaque ground behind it.
PALE = """() => {
    const parse = (c) => c.match(/[\\d.]+/g).map(Number);
    const light = (c) => { const [r, g, b] = c.slice(0, 3).map(v => { v /= 255; return v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4 }); return .2126 * r + .7152 * g + .0722 * b };
    const ground = (e) => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c.length < 4 || c[3] === 1) return c } return [0, 0, 0] };
    const faded = (e) => { for (; e; e = e.parentElement) if (e.disabled || getComputedStyle(e).opacity < 1) return true; return false };
    const found = [];
    for (const e of document.querySelectorAll('#gm-root *')) {
        const words = [...e.childNodes].filter(n => n.nodeType === 3).map(n => n.data.trim()).join('');
        if (!words || !e.checkVisibility({ visibilityProperty: true }) || faded(e) || e.closest('.gm-badge')) continue;
        const [a, b] = [light(parse(getComputedStyle(e).color)), light(ground(e))].sort((x, y) => y - x);
        const ratio = (a + .05) / (b + .05);
        if (ratio < 4.5) found.push(`${words.slice(0, 30)} ${ratio.toFixed(2)}`);
    }
    return found;
}"""  # noqa: E501


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_every_text_is_readable_in_both_appearances(page: Page, theme: str) -> None:
    wait_for_stage(page, "clip")
    if page.evaluate("document.documentElement.dataset.theme") != theme:
        page.get_by_title("Machine and appearance").click()
        page.get_by_role("menuitem", name="appearance").click()
    assert page.evaluate("document.documentElement.dataset.theme") == theme
    page.click("#gm-queue-toggle")
    page.wait_for_timeout(400)
    assert page.evaluate(PALE) == []
    page.click("#gm-tab-library")
    expect(page.locator(".gm-tile").first).to_be_visible()
    page.wait_for_timeout(300)
    assert page.evaluate(PALE) == []


def test_every_control_of_the_form_has_a_name_and_takes_the_focus(page: Page) -> None:
    nameless = """() => [...document.querySelectorAll('#gm-root :is(button, input, select, textarea)')]
        .filter(e => e.checkVisibility({ visibilityProperty: true }))
        .filter(e => !(e.getAttribute('aria-label') || e.labels?.[0]?.textContent.trim() || e.textContent.trim()))
        .map(e => e.outerHTML.slice(0, 120))"""
    assert page.evaluate(nameless) == []
    page.focus("#gm-in-prompt")
    seen = set()
    for _ in range(40):
        page.keyboard.press("Tab")
        seen.add(str(page.evaluate("document.activeElement.id || document.activeElement.className")))
        if "gm-generate" in seen:
            break
    assert {"gm-in-model", "gm-in-num_frames", "gm-in-takes", "gm-in-seed", "gm-generate"} <= seen


def test_a_second_window_on_the_same_project_is_told(open_page: Opener) -> None:
    first = open_page()
    second = open_page()
    expect(second.locator(".gm-notice")).to_contain_text("Another window is open on this project.")
    second.close()
    expect(first.locator(".gm-notice")).to_be_hidden()


def test_many_windows_leave_connections_for_what_a_person_does(open_page: Opener, window: Window) -> None:
    """Browsers allow six connections to one address, and each window would like to hold one for ever."""
    pages = [open_page() for _ in range(7)]
    pages[-1].click("#gm-queue-pause")
    for page in (pages[-1], pages[0]):
        expect(page.locator("#gm-queue-pause")).to_have_text("Resume")
    pages[0].click("#gm-queue-pause")
    for page in (pages[0], pages[-1]):
        expect(page.locator("#gm-queue-pause")).to_have_text("Pause")


def test_projects_are_made_and_keep_their_own_takes(page: Page) -> None:
    wait_for_stage(page, "clip")
    page.get_by_title("Projects").click()
    page.get_by_role("menuitem", name="New project").click()
    page.get_by_label("New project").fill("Titles")
    page.keyboard.press("Enter")
    wait_for_stage(page, "empty")
    expect(page.locator(".gm-example")).to_have_count(3)
    page.get_by_title("Projects").click()
    page.get_by_role("menuitem", name="First project").click()
    wait_for_stage(page, "clip")
    page.get_by_title("Projects").click()
    page.get_by_role("menuitem", name="Titles").click()
    page.locator(".gm-example").first.click()
    wait_for_stage(page, "clip")
    expect(page.locator(".gm-take")).to_have_count(1)


def test_a_second_launch_finds_the_first_window(window: Window) -> None:
    command = [sys.executable, "-m", "studio", "window", "--no-browser", "--port", "0", "--json"]
    env = {**os.environ, "GIMBAL_HOME": str(window.home)}
    answer = subprocess.run(
        command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120
    )
    told = json.loads(answer.stdout.strip().splitlines()[-1])
    assert (answer.returncode, told["url"], told["already_open"]) == (0, window.url, True)
