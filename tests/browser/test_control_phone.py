"""The Control tab on a phone: a mask is painted by touch, a part is made anew, and nothing scrolls sideways."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import expect

from tests.browser.acts import api, drop, generate
from tests.browser.conftest import PHONE, Opener
from tests.browser.control_acts import SECONDS, open_control, wait_for_films, wait_for_held, wait_for_result, waving
from tests.browser.test_phone import fits


def test_a_part_of_a_clip_is_painted_by_touch_and_made_anew(open_page: Opener, tmp_path: Path) -> None:
    page = open_page(PHONE)
    before = {clip["id"] for clip in api(page, "clips")["clips"]}
    open_control(page)
    fits(page)
    drop(page, waving(tmp_path))
    wait_for_films(page, "source", "depth")
    fits(page)
    page.select_option("#gm-in-change", "paint")
    layer = page.locator(".gm-c-layer")
    expect(layer).to_be_visible()
    fits(page)
    box = layer.bounding_box()
    assert box is not None
    finger = page.context.new_cdp_session(page)

    def touch(kind: str, *dots: tuple[float, float]) -> None:
        points = [{"x": box["x"] + x * box["width"], "y": box["y"] + y * box["height"]} for x, y in dots]
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", (0.5, 0.35))
    for step in range(1, 8):
        touch("touchMove", (0.5, 0.35 + 0.05 * step))
    touch("touchEnd")
    value = wait_for_held(page, "value.made.mask")
    (shapes,) = value["change"]["shapes"].values()
    assert len(shapes) == 1 and len(shapes[0]["points"]) > 3
    page.locator(".gm-bench").get_by_role("button", name="Undo", exact=True).click()
    wait_for_held(page, "!value.made.mask && !Object.values(value.change.shapes).flat().length")
    page.locator(".gm-bench").get_by_role("button", name="Redo").click()
    wait_for_held(page, "value.made.mask")
    generate(page, "a person in a green shirt and blue trousers is waving on sand")
    made = wait_for_result(page, before)
    assert {"source_clip", "mask_clip"} < {part["kind"] for part in made["request"]["conditioning"]}
    expect(page.get_by_role("slider", name="Line between source and result")).to_be_visible(timeout=SECONDS)
    fits(page)
