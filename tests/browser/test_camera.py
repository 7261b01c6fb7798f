"""The Camera tab: a path is drawn, edited, played and generated with the mouse, and by touch on a phone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from pipelines.domain.camera.path import EASINGS, CameraKey, CameraPath
from pipelines.domain.camera.text import from_dict, to_dict
from tests.browser.acts import QUICK_STEPS, api, open_fold, wait_for_stage
from tests.browser.conftest import PHONE, Opener
from tests.browser.test_phone import fits

Dots = Sequence[tuple[float, float]]
LINE: Dots = [(0.25 + 0.012 * i, 0.85 - 0.012 * i + 0.0008 * i * i) for i in range(30)]
"""A bent line on the plan, as fractions of its width and height."""
SAMPLE = """async ([paths, count]) => {
    const { sample } = await import('/gimbal/static/camera/curve.js');
    return paths.map(path => sample(path, count).map(p => [...p.position, ...p.rotation.flat(), p.focal]));
}"""


def random_path(rng: np.random.Generator) -> CameraPath:
    """A path of any kind of key."""
    count, loop = int(rng.integers(2, 8)), bool(rng.random() < 0.3)
    times = np.sort(rng.choice(99, count, replace=False)) / 100
    keys = []
    for time in times:
        position = rng.uniform(-5, 5, 3)
        turn = rng.normal(size=4)
        aimed = rng.random() < 0.6
        keys.append(
            CameraKey(
                time=time, position=tuple(position), target=tuple(position + rng.normal(size=3)) if aimed else None,
                quaternion=None if aimed else tuple(turn / np.linalg.norm(turn)), tension=rng.uniform(0, 1),
                roll_degrees=rng.uniform(-90, 90), focal_mm=rng.uniform(12, 120), easing=rng.choice(list(EASINGS)),
            )
        )  # fmt: skip
    middle = (0.4, float(rng.uniform(0, 0.5))), (0.6, float(rng.uniform(0.5, 1)))
    return CameraPath(keys=tuple(keys), speed=((0, 0), *middle, (1, 1)), loop=loop)


def open_camera(page: Page) -> None:
    page.click("#gm-tab-camera")
    page.locator(".gm-k-switch").get_by_role("radio", name="Sketch").click()
    expect(page.locator(".gm-k-top .gm-k-way")).to_be_visible()


def path_on(page: Page) -> dict[str, Any]:
    """The path that the form holds."""
    value = page.evaluate("import('/gimbal/static/fields.js').then(m => m.field('camera').value())")
    return dict(value["path"])


def wait_for_path(page: Page, test: str) -> dict[str, Any]:
    """The form's path as soon as the JavaScript expression `test` holds for it."""
    waiting = """async () => {
        const { field } = await import('/gimbal/static/fields.js');
        for (let tries = 0; tries < 300; tries++) {
            const path = field('camera').value().path;
            if (TEST) return path;
            await new Promise(resolve => setTimeout(resolve, 50));
        }
        throw new Error('TEST did not come true');
    }"""
    return dict(page.evaluate(waiting.replace("TEST", test)))


def pixels(page: Page, dots: Dots) -> list[tuple[float, float]]:
    box = page.locator(".gm-k-top").bounding_box()
    assert box
    return [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in dots]


def generated(page: Page, prompt: str) -> dict[str, Any]:
    """Press Generate, wait for the clip, and return the request that made it."""
    page.fill("#gm-in-prompt", prompt)
    open_fold(page, "Advanced")
    page.fill("#gm-in-steps", str(QUICK_STEPS))
    page.press("#gm-in-steps", "Tab")
    page.click("#gm-generate")
    wait_for_stage(page, "live")
    wait_for_stage(page, "clip")
    newest = api(page, "clips?limit=1")["clips"][0]
    return dict(api(page, f"clips/{newest['id']}")["request"])


def test_the_page_reads_a_path_between_its_keys_exactly_as_the_studio_does(page: Page) -> None:
    rng = np.random.default_rng(4)
    paths = [random_path(rng) for _ in range(40)]
    drawn = page.evaluate(SAMPLE, [[to_dict(path) for path in paths], 17])
    for path, read in zip(paths, np.array(drawn), strict=True):
        poses, focal = path.sample(17)
        assert read[:, :3] == pytest.approx(poses[:, :3, 3], abs=1e-6)
        assert read[:, 3:12].reshape(-1, 3, 3) == pytest.approx(poses[:, :3, :3], abs=1e-6)
        assert read[:, 12] == pytest.approx(focal, rel=1e-6)


def test_a_path_is_drawn_edited_played_and_generated_with_the_mouse(page: Page) -> None:
    open_camera(page)
    before = path_on(page)
    first, *rest = pixels(page, LINE)
    page.mouse.move(*first)
    page.mouse.down()
    for dot in rest:
        page.mouse.move(*dot)
    page.mouse.up()
    drawn = wait_for_path(page, f"Math.abs(path.keys[0].position[0] - {before['keys'][0]['position'][0]}) > 0.05")
    assert 3 <= len(drawn["keys"]) < len(LINE)
    assert {tuple(key["target"]) for key in drawn["keys"]} == {tuple(before["keys"][0]["target"])}

    page.locator(".gm-k-top .gm-k-key").nth(1).press("Enter")
    expect(page.locator(".gm-k-which")).to_have_text(f"Key 2 / {len(drawn['keys'])}")
    page.get_by_label("Lens in mm").fill("50")
    page.get_by_label("Lens in mm").press("Enter")
    wait_for_path(page, "path.keys[1].focal_mm === 50")
    page.locator(".gm-k-top .gm-k-key").nth(1).press("ArrowRight")
    moved = wait_for_path(page, f"path.keys[1].position[0] > {drawn['keys'][1]['position'][0] + 0.05}")
    assert moved["keys"][1]["position"][1:] == pytest.approx(drawn["keys"][1]["position"][1:], abs=1e-3)
    page.get_by_role("button", name="Undo").click()
    page.get_by_role("button", name="Undo").click()
    wait_for_path(page, "path.keys[1].focal_mm === 28")

    page.get_by_role("button", name="Play the move").click()
    page.wait_for_function("parseInt(document.querySelector('.gm-sketch .gm-counter').textContent) > 4")
    page.get_by_role("button", name="Play the move").click()
    page.get_by_title("Render the stage").click()
    expect(page.locator(".gm-k-rendered")).to_be_visible(timeout=60_000)

    request = generated(page, "a red ball on grass")
    assert from_dict(request["camera"]).keys[0].position == tuple(drawn["keys"][0]["position"])
    kinds = [part["kind"] for part in request["conditioning"]]
    assert kinds == ["control_clip"] or "camera" in request["prompt"]
    expect(page.locator(".gm-obtained")).to_contain_text("Camera: asked and obtained")
    told = page.locator(".gm-obtained").get_by_text("Rotation off by").or_(page.get_by_text("could not be measured"))
    expect(told.first).to_be_visible(timeout=60_000)


def test_words_make_a_path_and_a_wrong_word_is_told(page: Page) -> None:
    open_camera(page)
    page.fill("#gm-in-camera", "wobble about")
    page.press("#gm-in-camera", "Enter")
    expect(page.locator(".gm-cell-camera .gm-problem").first).to_contain_text("wobble")
    page.fill("#gm-in-camera", "orbit quarter and zoom in 1.5")
    page.press("#gm-in-camera", "Enter")
    path = wait_for_path(page, "path.keys.length === 5")
    assert path["keys"][-1]["focal_mm"] == pytest.approx(42.0)
    page.wait_for_function("(localStorage.getItem('gimbal.form') || '').includes('orbit quarter')")
    page.reload()
    page.wait_for_selector("html.gm-ready")
    open_camera(page)
    assert path_on(page) == path


def test_a_path_is_drawn_and_generated_by_touch_on_a_phone(open_page: Opener) -> None:
    page = open_page(PHONE)
    open_camera(page)
    fits(page)
    before = path_on(page)
    finger = page.context.new_cdp_session(page)
    first, *rest = pixels(page, LINE)

    def touch(kind: str, *dots: tuple[float, float]) -> None:
        points = [{"x": x, "y": y} for x, y in dots]
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", first)
    for dot in rest:
        touch("touchMove", dot)
    touch("touchEnd")
    drawn = wait_for_path(page, f"Math.abs(path.keys[0].position[0] - {before['keys'][0]['position'][0]}) > 0.05")
    assert len(drawn["keys"]) >= 3
    for view in ("Side", "Lens", "Plan"):
        page.locator(".gm-k-tools").get_by_role("radio", name=view).click()
        fits(page)
    request = generated(page, "a blue cube on sand")
    assert from_dict(request["camera"]).keys[0].position == tuple(drawn["keys"][0]["position"])
    fits(page)
