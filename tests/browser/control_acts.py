"""What a person does in the Control tab, and the clips these tests bring there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import Page, expect

from pipelines.toybox.render import render
from pipelines.toybox.scene import CameraMove, FigureSpec, Outfit, Scene
from studio.media.encode import encode_video, frame_rate
from studio.media.master import MASTER
from tests.browser.acts import api, wait_for_api

FPS = 24.0
SECONDS = 90_000
"""Milliseconds until something is read off a clip; the first time a process is started and models are loaded."""
KEPT = "JSON.parse(localStorage.getItem('gimbal.form')).control"
TIMES = "[...document.querySelectorAll('SELECTOR')].map(v => v.currentTime)"


def write_clip(path: Path, frames: NDArray[np.uint8]) -> Path:
    encode_video(path, frames, frame_rate(FPS), MASTER, {})
    return path


def waving(folder: Path, num_frames: int = 30) -> Path:
    """A figure that waves, wider than toybox's frame and at another rate."""
    person = FigureSpec(outfit=Outfit(shirt="red", trousers="blue"), action="waves")
    camera = CameraMove(distance=4.6, height=1.0, aim=(0.0, -0.9, 0.0))
    scene = Scene(ground="sand", sky="day", objects=(), figure=person, camera=camera)
    frames = render([scene], num_frames=num_frames, width=160, height=128).frames[0].numpy()
    return write_clip(folder / "waving.mp4", frames)


def open_control(page: Page) -> None:
    page.click("#gm-tab-control")
    page.locator(".gm-c-switch").get_by_role("radio", name="Source").click()


def wait_for_films(page: Page, *kinds: str) -> None:
    for kind in kinds:
        page.wait_for_selector(
            f".gm-c-tile[data-film={kind}]:not(.gm-busy) .gm-c-film[src]", timeout=SECONDS, state="attached"
        )


def held(page: Page) -> dict[str, Any]:
    """What the tab holds now."""
    return dict(page.evaluate("import('/gimbal/static/fields.js').then(m => m.field('control').value())"))


def wait_for_held(page: Page, test: str) -> dict[str, Any]:
    """What the tab holds as soon as the JavaScript expression `test` is true of it (`value`)."""
    waiting = """async () => {
        const { field } = await import('/gimbal/static/fields.js');
        const holds = (value) => { try { return TEST; } catch { return false; } };  // what is not there yet
        for (let tries = 0; tries < 900; tries++) {
            const value = field('control').value();
            if (holds(value)) return value;
            await new Promise(resolve => setTimeout(resolve, 100));
        }
        throw new Error('it did not come true');
    }"""
    return dict(page.evaluate(waiting.replace("TEST", test)))


def times(page: Page, selector: str, at: float | None = None) -> list[float]:
    """Where videos stand, in seconds, once they have come to rest at one place (at `at`, where it is given)."""
    where = TIMES.replace("SELECTOR", selector)
    near = "true" if at is None else f"Math.abs(t[0] - {at}) < 0.01"
    together = f"(() => {{ const t = {where}; return Math.max(...t) - Math.min(...t) < 0.01 && {near}; }})()"
    page.wait_for_function(f"{together} && ![...document.querySelectorAll('{selector}')].some(v => v.seeking)")
    return list(page.evaluate(where))


def frame_shown(page: Page) -> int:
    words = page.locator(".gm-bench .gm-counter").inner_text()
    return int(words.split("/")[0])


def wait_for_result(page: Page, known: set[str]) -> Any:
    """The newest clip, in full, once it is none of the `known`; the stage compares it with its source."""
    found = wait_for_api(page, "clips?limit=1", lambda a: a["clips"] and a["clips"][0]["id"] not in known, seconds=60)
    return api(page, f"clips/{found['clips'][0]['id']}")


def paint(page: Page, *dots: tuple[float, float]) -> None:
    """A stroke of the brush over the frame, through places in parts of its width and height."""
    layer = page.locator(".gm-c-layer")
    expect(layer).to_be_visible()
    box = layer.bounding_box()
    assert box is not None
    first, *rest = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in dots]
    page.mouse.move(*first)
    page.mouse.down()
    for dot in rest:
        page.mouse.move(*dot, steps=4)
    page.mouse.up()
