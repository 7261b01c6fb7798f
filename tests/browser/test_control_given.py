"""The Control tab: what is given beside the source, a brought mask, a start picture, a part of the steps, a move."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from studio.media import read_frames
from studio.media.plain import png
from tests.browser.acts import api, drop, generate
from tests.browser.conftest import Window
from tests.browser.control_acts import (
    held,
    open_control,
    wait_for_films,
    wait_for_held,
    wait_for_result,
    waving,
)
from tests.browser.test_control import known, medium


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return waving(tmp_path_factory.mktemp("clips"))


def bring_mask(page: Page, path: Path, width: int, height: int) -> None:
    """Choose a file as the mask: its middle is white."""
    picture = np.zeros((height, width, 3), np.uint8)
    picture[height // 6 :, width // 3 : 2 * width // 3] = 255
    path.write_bytes(png(picture))
    with page.expect_file_chooser() as waited:
        page.get_by_role("button", name="A black and white picture or clip").click()
    waited.value.set_files(str(path))


def test_a_mask_is_brought_checked_and_a_picture_begins_the_clip(
    page: Page, window: Window, clip: Path, tmp_path: Path
) -> None:
    before = known(page)
    open_control(page)
    drop(page, clip)
    wait_for_films(page, "source", "depth")
    page.select_option("#gm-in-change", "paint")
    bring_mask(page, tmp_path / "bad.png", 160, 90)
    told = page.locator(".gm-c-mask-file")
    expect(told).to_contain_text("another shape: 160 × 90, the source 160 × 128")
    told.get_by_role("button", name="Without this mask").click()
    bring_mask(page, tmp_path / "good.png", 320, 256)
    expect(told).to_contain_text("scaled to the source's 160 × 128")
    value = wait_for_held(page, "value.made.mask")
    mask = read_frames(medium(window, value["made"]["mask"])).pixels[..., 1] > 127
    assert mask.shape == (17, 128, 128) and mask[0, 70, 64] and not mask[0, 70, :20].any()

    (tmp_path / "start.png").write_bytes(png(np.full((128, 128, 3), (40, 90, 60), np.uint8)))
    with page.expect_file_chooser() as waited:
        page.locator(".gm-own-control").get_by_role("button", name="Add a start picture").click()
        page.get_by_role("menuitem", name="Choose a file").click()
    waited.value.set_files(str(tmp_path / "start.png"))
    wait_for_held(page, "value.start?.media")
    expect(page.locator(".gm-c-span")).to_contain_text("With a start picture they count for all steps")
    generate(page, "a person in a green shirt and blue trousers is waving on sand")
    made = wait_for_result(page, before)
    kinds = [part["kind"] for part in made["request"]["conditioning"]]
    assert kinds == ["control_clip", "source_clip", "mask_clip", "start_image"]
    start = read_frames(medium(window, made["request"]["conditioning"][-1]["media"])).pixels
    assert start.shape == (1, 128, 128, 3) and (start == (40, 90, 60)).all()


def test_controls_count_for_a_part_of_the_steps_and_come_back_so(page: Page, clip: Path) -> None:
    before = known(page)
    open_control(page)
    drop(page, clip)
    wait_for_films(page, "source", "depth")
    page.get_by_role("slider", name="Where they stop counting").focus()
    for _ in range(2):
        page.keyboard.press("Shift+ArrowLeft")
    wait_for_held(page, "value.span[1] === 0.5")
    expect(page.locator(".gm-c-span")).to_contain_text("0 % – 50 %")
    page.get_by_role("button", name="A control clip made elsewhere").click()
    page.get_by_role("menuitem", name="The camera's sketch").click()
    page.click(".gm-c-chip[data-kind=pose]")
    wait_for_held(page, "value.structures[0].path && value.made.depth && value.made.pose")
    generate(page, "a person in a green shirt and blue trousers is waving on sand")
    made = wait_for_result(page, before)
    parts = made["request"]["conditioning"]
    assert [(part["control"], part["start"], part["end"]) for part in parts] == [("depth", 0, 0.5), ("pose", 0, 0.5)]
    assert made["request"]["camera"]["keys"]
    expect(page.locator("#gm-inspector")).to_contain_text("Camera: asked and obtained")
    expect(page.locator("#gm-inspector")).to_contain_text("pose by toybox-pose")
    page.click(".gm-cell-control .gm-reset")
    wait_for_held(page, "!value.source")
    page.locator(".gm-c-switch").get_by_role("radio", name="Clip").click()
    page.click(".gm-actions >> text=Use settings")
    wait_for_held(page, "value.span?.[1] === 0.5 && value.structures[0].path && value.source && value.made.pose")
    assert api(page, "start")["broken"] == [] and held(page)["start"] is None
