"""The Camera tab: a path is drawn, edited, played and generated with the mouse, and by touch on a phone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from pipelines.conditioning.previz import Stage, render
from pipelines.domain.camera.path import EASINGS, CameraKey, CameraPath
from pipelines.domain.camera.plan_text import path_from_text
from pipelines.domain.camera.problems import problems
from pipelines.domain.camera.text import from_dict, to_dict
from tests.browser.acts import QUICK_STEPS, api, drop, open_fold, wait_for_stage
from tests.browser.conftest import PHONE, Opener
from tests.browser.test_phone import fits

Dots = Sequence[tuple[float, float]]
LINE: Dots = [(0.25 + 0.012 * i, 0.85 - 0.012 * i + 0.0008 * i * i) for i in range(30)]
"""A bent line on the plan, as fractions of its width and height."""
TOWARDS: Dots = [(0.2 + 0.03 * i, 0.95 - 0.035 * i) for i in range(11)]
"""From the ground at the foot of the picture onto what stands in its middle."""
ACROSS: Dots = [(0.15 + 0.07 * i, 0.8) for i in range(11)]
PICTURE = ".gm-k-ink"
STROKE = "([line, options]) => import('/gimbal/static/camera/stroke.js').then(m => m.pathFromStroke(line, options))"
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


def pixels(page: Page, dots: Dots, where: str = ".gm-k-top") -> list[tuple[float, float]]:
    box = page.locator(where).bounding_box()
    assert box
    return [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in dots]


def by_touch(page: Page, dots: Dots) -> None:
    """Draw with one finger."""
    finger = page.context.new_cdp_session(page)

    def touch(kind: str, *dots: tuple[float, float]) -> None:
        points = [{"x": x, "y": y} for x, y in dots]
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", dots[0])
    for dot in dots[1:]:
        touch("touchMove", dot)
    touch("touchEnd")


def picture(folder: Path) -> Path:
    """A rendered stage with one red ball: something that the depth estimator can read."""
    seen = render(Stage(), *path_from_text("static").sample(2), 192, 192)
    Image.fromarray(seen.frames[0]).save(folder / "ball.png")
    return folder / "ball.png"


def begin_with(page: Page, file: Path) -> None:
    """Choose a start picture, and wait until it is moved along the path."""
    page.get_by_role("button", name="Add a start picture").click()
    with page.expect_file_chooser() as waited:
        page.get_by_role("menuitem", name="Choose a file").click()
    waited.value.set_files(str(file))
    expect(page.locator(PICTURE)).to_be_visible()
    wait_for_film(page)


def wait_for_film(page: Page) -> None:
    """Until the picture is played as a warp: the strip then tells of every frame how much is out of sight."""
    page.wait_for_function("document.querySelectorAll('.gm-k-holes rect').length === 17", timeout=100_000)


def sees_asked_and_obtained(page: Page) -> None:
    expect(page.locator(".gm-obtained")).to_contain_text("Camera: asked and obtained")
    told = page.locator(".gm-obtained").get_by_text("Rotation off by").or_(page.get_by_text("could not be measured"))
    expect(told.first).to_be_visible(timeout=60_000)


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
    page.get_by_label("Roll in °").fill("10")
    page.get_by_label("Roll in °").press("Enter")
    page.get_by_label("Looks at", exact=True).select_option("free")
    free = wait_for_path(page, "path.keys[1].target === null && path.keys[1].roll_degrees === 10")["keys"][1]
    assert abs(float(page.get_by_label("Tilt in °").input_value())) < 30
    page.get_by_label("Pan in °").fill("90")
    page.get_by_label("Pan in °").press("Enter")
    turned = wait_for_path(page, f"path.keys[1].quaternion[2] !== {free['quaternion'][2]}")["keys"][1]
    assert from_dict({**drawn, "keys": [turned]}).keys[0].roll_degrees == 10
    for _ in range(3):
        page.get_by_role("button", name="Undo").click()
    wait_for_path(page, "path.keys[1].target !== null && path.keys[1].roll_degrees === 0")

    page.get_by_role("button", name="Play the move").click()
    page.wait_for_function("parseInt(document.querySelector('.gm-sketch .gm-counter').textContent) > 4")
    page.get_by_role("button", name="Play the move").click()
    page.get_by_title("What the model is given").click()
    expect(page.locator(".gm-k-rendered")).to_be_visible(timeout=60_000)

    request = generated(page, "a red ball on grass")
    assert from_dict(request["camera"]).keys[0].position == tuple(drawn["keys"][0]["position"])
    kinds = [part["kind"] for part in request["conditioning"]]
    assert kinds == ["control_clip"] or "camera" in request["prompt"]
    expect(page.locator(".gm-obtained")).to_contain_text("Camera: asked and obtained")
    sees_asked_and_obtained(page)


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
    by_touch(page, pixels(page, LINE))
    drawn = wait_for_path(page, f"Math.abs(path.keys[0].position[0] - {before['keys'][0]['position'][0]}) > 0.05")
    assert len(drawn["keys"]) >= 3
    for view in ("Side", "Lens", "Plan"):
        page.locator(".gm-k-tools").get_by_role("radio", name=view).click()
        fits(page)
    page.locator(".gm-k-tools").get_by_role("radio", name="Lens").click()
    page.get_by_role("button", name="Play the move").tap()
    page.wait_for_function("parseInt(document.querySelector('.gm-sketch .gm-counter').textContent) > 3")
    page.get_by_role("button", name="Play the move").tap()
    request = generated(page, "a blue cube on sand")
    assert from_dict(request["camera"]).keys[0].position == tuple(drawn["keys"][0]["position"])
    fits(page)
    page.get_by_role("button", name="Details").tap()
    sees_asked_and_obtained(page)


def test_a_move_is_drawn_on_a_picture_with_the_mouse_played_and_generated(page: Page, tmp_path: Path) -> None:
    open_camera(page)
    begin_with(page, picture(tmp_path))
    draw = pixels(page, TOWARDS, PICTURE)
    page.mouse.move(*draw[0])
    page.mouse.down()
    for dot in draw[1:]:
        page.mouse.move(*dot)
    page.mouse.up()
    expect(page.locator(".gm-k-told")).to_contain_text("Pushes in")
    pushed = wait_for_path(page, "path.keys.length === 2 && path.keys[1].position[2] > path.keys[0].position[2] + 0.5")
    wait_for_film(page)
    assert page.evaluate("document.querySelector('.gm-k-canvas').width") > 300
    page.get_by_role("button", name="Play the move").click()
    page.wait_for_function("parseInt(document.querySelector('.gm-sketch .gm-counter').textContent) > 4")
    page.get_by_role("button", name="Play the move").click()
    page.get_by_title("What the model is given").click()
    expect(page.locator(".gm-k-rendered")).to_be_visible(timeout=60_000)

    ink = page.locator(PICTURE)
    ink.focus()
    for key in ("ArrowUp", "ArrowUp", "Enter", *["Shift+ArrowRight"] * 4, "Enter"):
        ink.press(key)
    expect(page.locator(".gm-k-told")).to_contain_text("to the right")
    page.get_by_role("button", name="Undo").click()
    assert wait_for_path(page, "path.keys[1].position[2] > path.keys[0].position[2] + 0.5") == pushed

    request = generated(page, "a red ball on grass")
    assert from_dict(request["camera"]) == from_dict(pushed)
    assert [part["kind"] for part in request["conditioning"]] == ["source_clip", "mask_clip", "start_image"]
    page.get_by_label("Look at: What it does not show").click()
    expect(page.locator(".gm-look-large video")).to_be_visible()
    sees_asked_and_obtained(page)


def test_a_move_is_drawn_on_a_picture_by_touch_on_a_phone(open_page: Opener, tmp_path: Path) -> None:
    page = open_page(PHONE)
    open_camera(page)
    begin_with(page, picture(tmp_path))
    fits(page)
    by_touch(page, pixels(page, ACROSS, PICTURE))
    expect(page.locator(".gm-k-told")).to_contain_text("to the right")
    drawn = wait_for_path(page, "path.keys.at(-1).position[0] > path.keys[0].position[0] + 0.3")
    wait_for_film(page)
    fits(page)
    request = generated(page, "a red ball on grass")
    assert from_dict(request["camera"]) == from_dict(drawn)
    page.get_by_role("button", name="Details").tap()
    sees_asked_and_obtained(page)


def test_what_cannot_be_used_is_told_and_the_sketch_is_kept(page: Page, tmp_path: Path) -> None:
    open_camera(page)
    page.fill("#gm-in-camera", "truck left 1")
    page.press("#gm-in-camera", "Enter")
    kept = wait_for_path(page, "Math.abs(path.keys.at(-1).position[0] + 1) < 0.01")
    for name, content in (("no.png", b"no picture at all"), ("cut.txt", b"once upon"), ("half.json", b'{"keys": [')):
        (tmp_path / name).write_bytes(content)
        drop(page, tmp_path / name)
        expect(page.locator(".gm-toast.gm-bad").last).to_be_visible()
        page.locator(".gm-toast").get_by_label("Close this message").last.click()
        assert path_on(page) == kept
    Image.new("RGBA", (90, 60), (200, 10, 10, 80)).save(tmp_path / "clear.png")
    drop(page, tmp_path / "clear.png")
    expect(page.locator(".gm-toast", has_text="clear.png")).to_contain_text("grey")
    expect(page.locator(".gm-k-face img")).to_be_visible()
    assert path_on(page) == kept


def test_a_clip_lends_its_move_and_a_saved_move_gets_another_name(page: Page) -> None:
    open_camera(page)
    page.fill("#gm-in-camera", "pan right 20")
    page.press("#gm-in-camera", "Enter")
    asked = wait_for_path(page, "path.keys.every(key => key.position[0] === path.keys[0].position[0])")
    generated(page, "a red ball on grass")
    page.fill("#gm-in-camera", "truck left 1")
    page.press("#gm-in-camera", "Enter")
    wait_for_path(page, "path.keys.at(-1).position[0] < -0.9")
    page.get_by_title("Saved moves").click()
    page.get_by_role("menuitem", name="Move like the clip").click()
    assert from_dict(wait_for_path(page, "path.keys.at(-1).position[0] > -0.1")) == from_dict(asked)
    page.get_by_title("Save this move").click()
    page.get_by_label("Name of this move").fill("Look")
    page.get_by_label("Name of this move").press("Enter")
    expect(page.locator(".gm-toast", has_text="Look")).to_be_visible()
    page.get_by_title("Saved moves").click()
    page.get_by_role("menuitem", name="versions, name").click()
    page.get_by_role("menuitem", name="Another name").click()
    page.get_by_label("Another name for this move").fill("Look round")
    page.get_by_label("Another name for this move").press("Enter")
    expect(page.locator(".gm-toast", has_text="Look round")).to_be_visible()
    page.get_by_title("Saved moves").click()
    expect(page.get_by_role("menuitem", name="Look round")).to_be_visible()


def test_the_speed_curve_is_bent_where_it_is_dragged_and_by_keys(page: Page) -> None:
    open_camera(page)
    page.fill("#gm-in-camera", "truck left 1")
    page.press("#gm-in-camera", "Enter")
    wait_for_path(page, "path.speed.length === 2")
    box = page.locator(".gm-k-curve").bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, y + 16, steps=4)
    page.mouse.up()
    assert wait_for_path(page, "path.speed.length === 3 && path.speed[1][1] < 0.3")["speed"][1][0] == pytest.approx(0.5)
    page.get_by_role("button", name="Undo").click()
    wait_for_path(page, "path.speed.length === 2")
    page.locator(".gm-k-strip").click(position={"x": 100, "y": 8})
    page.locator(".gm-k-curve").press("Enter")
    wait_for_path(page, "path.speed.length === 3")


def test_a_drawn_line_keeps_its_form_in_few_keys(page: Page) -> None:
    turn = np.linspace(0, 2 * np.pi, 400)
    noise = np.random.default_rng(0).normal(0, 0.003, 400)
    circle = np.stack([4 * np.sin(turn) + noise, np.full(400, -1.2), -4 * np.cos(turn) + noise], -1)
    made = page.evaluate(STROKE, [circle.tolist(), {"target": [0, -0.7, 0]}])
    path = from_dict({"version": 1, **made})
    poses, _ = path.sample(81)
    assert len(path.keys) <= 24 and problems(path) == ()
    np.testing.assert_allclose(np.hypot(poses[:, 0, 3], poses[:, 2, 3]), 4.0, atol=0.12)
    metres = np.linalg.norm(np.diff(poses[:, :3, 3], axis=0), axis=1)
    assert metres.max() < 1.3 * metres.mean()
    assert page.evaluate(STROKE, [[[0, -1, 0]] * 5, {}]) is None
