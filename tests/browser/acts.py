"""What a person does in the window, as functions on a page."""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
from playwright.sync_api import Page, expect

QUICK_STEPS = 4
LONG_STEPS = 50
BLINK_SECONDS = 15.0  # a worker that gives no sign of life for a minute is taken for dead
PULSE_SECONDS = 0.05


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
    write(page, prompt, steps)
    page.evaluate(
        """() => {
            window.queued = null;
            const listen = ({ detail }) => {
                if (detail.kind !== 'queued') return;
                window.queued = detail.jobs[0];
                window.removeEventListener('gimbal:reply', listen);
            };
            window.addEventListener('gimbal:reply', listen);
        }"""
    )
    page.click("#gm-generate")
    return str(page.wait_for_function("window.queued").json_value())


def api(page: Page, path: str) -> Any:
    """What one of the window's own routes answers. (Playwright itself puts no bound on a promise.)"""
    ask = "path => fetch('/gimbal/api/' + path, { signal: AbortSignal.timeout(30000) }).then(r => r.json())"
    return page.evaluate(ask, path)


def wait_for_api(page: Page, path: str, true: Callable[[Any], Any], seconds: float = 30) -> Any:
    """What a route answers as soon as that is `true`. Writes are on their way for as long as the disk takes."""
    deadline = time.monotonic() + seconds
    while not true(answer := api(page, path)):
        assert time.monotonic() < deadline, f"{path} still answers {answer}"
        page.wait_for_timeout(100)
    return answer


def wait_for_new_clip(page: Page, known: set[str]) -> Any:
    """The newest clip, in full, once it is none of the `known` and stands on the stage."""
    found = wait_for_api(page, "clips?limit=1", lambda a: a["clips"] and a["clips"][0]["id"] not in known, seconds=60)
    clip = api(page, f"clips/{found['clips'][0]['id']}")
    page.wait_for_selector(f"html[data-stage='clip'] .gm-video[src*='{clip['id']}']")
    return clip


class Held:
    """A worker process that stands still, so that a job lasts as long as a test looks at it."""

    def __init__(self, worker: psutil.Process) -> None:
        self._worker = worker

    def until(self, true: Callable[[], bool], seconds: float = 60) -> None:
        """Let it work for a blink at a time until something shows."""
        deadline = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < deadline, "it did not come to pass"
            self.blink()
            time.sleep(2 * PULSE_SECONDS)

    def blink(self) -> None:
        with suppress(psutil.NoSuchProcess):
            self._worker.resume()
            time.sleep(PULSE_SECONDS)
            self._worker.suspend()


@contextmanager
def held(worker: psutil.Process) -> Iterator[Held]:
    """Hold the worker still. It gives a sign of life now and then, or it would be taken for dead."""
    one = Held(worker)
    over = threading.Event()

    def keep_alive() -> None:
        while not over.wait(BLINK_SECONDS):
            one.blink()

    thread = threading.Thread(target=keep_alive, daemon=True)
    worker.suspend()
    thread.start()
    try:
        yield one
    finally:
        over.set()
        thread.join()
        with suppress(psutil.NoSuchProcess):
            worker.resume()


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
