"""A clip with sound in the player: silent until it is asked for, and only where there is some."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import DESK, PHONE, opened_window
from tests.pipelines.domain.test_sound import tone
from tests.studio.library_samples import FRAMES, leased, open_library, produce


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A window whose library has one clip that is heard, the oldest, and three that are not."""
    home = tmp_path_factory.mktemp("heard")
    library = open_library(home)
    job = leased(library, 9)
    library.store(job, produce(library, job, replace(FRAMES, sound=tone(FRAMES.seconds))))
    library.repository.close()
    with opened_window(home) as window:
        yield window.url


@pytest.mark.parametrize("size", [DESK, PHONE])
def test_sound_is_offered_where_there_is_some(
    url: str, browser: Browser, size: tuple[int, int], tmp_path: Path
) -> None:
    page = browser.new_page(viewport={"width": size[0], "height": size[1]})
    page.goto(url)
    button = page.locator(".gm-transport button", has_text="Sound")
    takes = page.locator(".gm-take")
    expect(takes).to_have_count(4)
    takes.nth(0).click()
    expect(page.locator(".gm-video")).to_be_visible()
    heard = []
    for number in range(4):
        takes.nth(number).click()
        page.wait_for_timeout(300)
        heard.append(button.is_visible())
        if heard[-1]:
            muted = "document.querySelector('.gm-video').muted"
            assert page.evaluate(muted)
            button.click()
            assert not page.evaluate(muted)
            expect(button).to_have_attribute("aria-pressed", "true")
            page.screenshot(path=tmp_path / "sound.png")
    assert sum(heard) == 1
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    page.close()
