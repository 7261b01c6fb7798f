"""What a person does in the window, as functions on a page."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

QUICK_STEPS = 4
LONG_STEPS = 50


def stage(page: Page) -> str:
    return str(page.evaluate("document.documentElement.dataset.stage"))


def wait_for_stage(page: Page, name: str, seconds: float = 60) -> None:
    page.wait_for_selector(f"html[data-stage='{name}']", timeout=seconds * 1000)


def open_fold(page: Page, name: str) -> None:
    fold = page.locator(".gm-fold", has_text=name).locator(".label-wrap")
    if "open" not in (fold.get_attribute("class") or ""):
        fold.click()


def write(page: Page, prompt: str, steps: int = QUICK_STEPS) -> None:
    """Fill the form as far as these tests need."""
    page.fill("#gm-in-prompt", prompt)
    open_fold(page, "Advanced")
    page.fill("#gm-in-steps", str(steps))
    page.press("#gm-in-steps", "Tab")


def generate(page: Page, prompt: str, steps: int = QUICK_STEPS) -> str:
    """Write, press Generate, and return the id of the job the stage follows."""
    before = page.get_attribute("#gm-stage .gm-view-live", "data-job")
    write(page, prompt, steps)
    page.click("#gm-generate")
    page.wait_for_function(
        "before => { const v = document.querySelector('#gm-stage .gm-view-live');"
        " return v.dataset.job && v.dataset.job !== before }",
        arg=before,
    )
    return str(page.get_attribute("#gm-stage .gm-view-live", "data-job"))


def api(page: Page, path: str) -> Any:
    """What one of the window's own routes answers."""
    return page.evaluate("path => fetch('/gimbal/api/' + path).then(r => r.json())", path)


def drop(page: Page, file: Path, name: str | None = None) -> None:
    """Drop a file on the window."""
    data = base64.b64encode(file.read_bytes()).decode()
    page.evaluate(
        """([data, name]) => {
            const bytes = Uint8Array.from(atob(data), c => c.charCodeAt(0));
            const transfer = new DataTransfer();
            transfer.items.add(new File([bytes], name));
            const event = (kind) => new DragEvent(kind, { dataTransfer: transfer, bubbles: true, cancelable: true });
            for (const kind of ['dragenter', 'dragover', 'drop']) document.body.dispatchEvent(event(kind));
        }""",
        [data, name or file.name],
    )


def prompts(page: Page, part: str) -> list[str]:
    """The prompts in one part of the open queue ("running", "waiting" or "failed"), in order."""
    return [text.strip() for text in page.locator(f".gm-queue-{part} .gm-job-prompt").all_inner_texts()]


def expect_prompts(page: Page, part: str, wanted: list[str]) -> None:
    expect(page.locator(f".gm-queue-{part} .gm-job-prompt")).to_have_text(wanted)
