"""The Control tab: structure is read off a clip, a part of it is painted, and source and result play together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from pipelines.conditioning.figure import FigureKey, skeletons
from studio.media import read_frames
from tests.browser.acts import api, drop, generate, wait_for_new_clip, write
from tests.browser.conftest import Window
from tests.browser.control_acts import (
    SECONDS,
    frame_shown,
    held,
    open_control,
    paint,
    times,
    wait_for_films,
    wait_for_held,
    wait_for_result,
    waving,
    write_clip,
)

FILMS = ".gm-c-sheet .gm-c-film"
WIPE = ".gm-bench .gm-c-wipe video"


def known(page: Page) -> set[str]:
    return {clip["id"] for clip in api(page, "clips")["clips"]}


def medium(window: Window, sha256: str) -> Path:
    return next(window.home.glob(f"media/*/{sha256}.*"))


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return waving(tmp_path_factory.mktemp("clips"))


def test_a_clip_is_seen_beside_its_structure_painted_on_and_compared_with_the_result(
    page: Page, window: Window, clip: Path
) -> None:
    before = known(page)
    open_control(page)
    drop(page, clip)
    expect(page.locator(".gm-c-tile[data-film=source]")).to_be_visible()
    for kind in ("pose", "edges"):
        page.click(f".gm-c-chip[data-kind={kind}]")
    wait_for_films(page, "source", "depth", "pose", "edges")
    expect(page.locator(".gm-c-steps")).to_contain_text("24.00 to 8 frames per second")
    expect(page.locator(".gm-c-steps")).to_contain_text("Cropped to 128 × 128 of 160 × 128")

    page.locator(".gm-bench").get_by_role("button", name="One frame on").click()
    page.keyboard.press("ArrowRight")
    assert frame_shown(page) == 3
    assert times(page, FILMS, 2.5 / 8) == pytest.approx([2.5 / 8] * 4, abs=0.01)
    page.locator(".gm-bench").get_by_label("Frame of all films").fill("9")
    assert times(page, FILMS, 9.5 / 8) == pytest.approx([9.5 / 8] * 4, abs=0.01)

    page.select_option("#gm-in-change", "paint")
    paint(page, (0.5, 0.35), (0.5, 0.8))
    value = wait_for_held(page, "value.made.mask && value.change.shapes[9]")
    mask = read_frames(medium(window, value["made"]["mask"])).pixels[..., 1] > 127
    assert mask.shape == (17, 128, 128) and 0.02 < mask.mean() < 0.4 and mask[9, 64, 64]
    page.locator(".gm-c-pick").get_by_role("radio", name="Films").click()
    expect(page.locator(".gm-c-tint")).to_be_visible()
    assert times(page, f"{FILMS}, .gm-c-tint", 9.5 / 8) == pytest.approx([9.5 / 8] * 5, abs=0.01)

    generate(page, "a person in a green shirt and blue trousers is waving on sand")
    made = wait_for_result(page, before)
    parts = [(part["kind"], part.get("control")) for part in made["request"]["conditioning"]]
    wanted = [("control_clip", kind) for kind in ("depth", "pose", "edges")]
    assert parts == [*wanted, ("source_clip", None), ("mask_clip", None)]
    line = page.get_by_role("slider", name="Line between source and result")
    expect(line).to_be_visible(timeout=SECONDS)
    page.locator(".gm-bench").get_by_role("button", name="Play or pause").click()
    page.locator(".gm-bench").get_by_role("button", name="One frame on").click()
    source, result = times(page, WIPE)
    assert abs(source - result) < 0.01
    box = page.locator(".gm-bench .gm-c-wipe").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 4, box["y"] + box["height"] / 2, steps=4)
    page.mouse.up()
    expect(line).to_have_attribute("aria-valuenow", "25")
    line.press("ArrowRight")
    expect(line).to_have_attribute("aria-valuenow", "27")


def test_films_play_together(page: Page, clip: Path) -> None:
    open_control(page)
    drop(page, clip)
    wait_for_films(page, "source", "depth")
    page.locator(".gm-bench").get_by_role("button", name="Play or pause").click()
    page.wait_for_function("parseInt(document.querySelector('.gm-bench .gm-counter').textContent) > 4")
    apart = page.evaluate(
        f"[...document.querySelectorAll('{FILMS}')].map(v => v.currentTime).reduce((a, b) => Math.abs(a - b))"
    )
    assert apart < 1.5 / 8
    page.locator(".gm-bench").get_by_role("button", name="Play or pause").click()
    stood = frame_shown(page)
    assert times(page, FILMS, (stood - 0.5) / 8) == pytest.approx([(stood - 0.5) / 8] * 2, abs=0.01)


def test_a_mask_is_painted_with_the_keyboard_alone(page: Page, clip: Path) -> None:
    open_control(page)
    drop(page, clip)
    wait_for_films(page, "source")
    page.select_option("#gm-in-change", "paint")
    canvas = page.locator(".gm-c-paint")
    expect(canvas).to_be_visible()
    canvas.focus()
    for key in ("Space", "ArrowRight", "ArrowRight", "ArrowDown", "Space"):
        page.keyboard.press(key)
    (stroke,) = wait_for_held(page, "value.change.shapes[0]?.length")["change"]["shapes"]["0"]
    assert stroke["tool"] == "brush" and stroke["points"][-1] == pytest.approx([0.54, 0.52])
    page.keyboard.press("]")
    page.keyboard.press("e")
    for key in ("Space", "ArrowLeft", "Space"):
        page.keyboard.press(key)
    strokes = wait_for_held(page, "value.change.shapes[0].length === 2")["change"]["shapes"]["0"]
    assert strokes[1]["tool"] == "eraser" and strokes[1]["size"] > stroke["size"]
    page.keyboard.press("i")
    page.keyboard.press("Control+z")
    value = wait_for_held(page, "value.change.invert && value.change.shapes[0].length === 1 && value.made.mask")
    assert value["change"]["shapes"]["0"] == [stroke]


def test_the_figure_is_posed_becomes_a_skeleton_clip_and_comes_back_with_the_settings(
    page: Page, window: Window
) -> None:
    before = known(page)
    open_control(page)
    page.locator(".gm-c-empty").get_by_role("button", name="Pose the built-in figure").click()
    page.locator(".gm-bench").get_by_label("Frame of all films").fill("16")
    box = page.locator(".gm-c-figure").bounding_box()
    wrist = page.locator(".gm-c-joint[data-joint='7']").bounding_box()
    assert box is not None and wrist is not None
    page.mouse.move(wrist["x"] + wrist["width"] / 2, wrist["y"] + wrist["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.75 * box["width"], box["y"] + 0.15 * box["height"], steps=6)
    page.mouse.up()
    value = wait_for_held(page, "value.figure?.keys.length === 2 && value.made.pose")
    first, last = (np.array(key["joints"]) for key in value["figure"]["keys"])
    assert last[7, 1] < first[7, 1] - 0.2
    for upper, lower in ((5, 6), (6, 7)):
        lengths = [np.linalg.norm(joints[upper] - joints[lower]) for joints in (first, last)]
        assert lengths[0] == pytest.approx(lengths[1], rel=0.01), "a bone keeps its length"
    write(page, "a person in a red shirt and blue trousers is waving on grass")
    with page.expect_response(
        lambda answer: "control/tasks?" in answer.url and any(task["made"] for task in answer.json()["tasks"])
    ):
        page.locator(".gm-c-joint[data-joint='7']").press("ArrowUp")
    page.evaluate("document.getElementById('gm-generate').click()")  # before the form has heard of what was made
    clip = wait_for_new_clip(page, before)
    value = held(page)
    (part,) = clip["request"]["conditioning"]
    # Each movement of a joint is drawn anew; what was drawn last is what the clip was made with.
    assert (part["kind"], part["control"], part["media"]) == ("control_clip", "pose", value["made"]["pose"])
    drawn = read_frames(medium(window, part["media"])).pixels
    assert drawn.shape == (17, 128, 128, 3) and (drawn[0] != drawn[16]).any()
    page.click(".gm-cell-control .gm-reset")
    wait_for_held(page, "!value.source")
    page.locator(".gm-c-switch").get_by_role("radio", name="Clip").click()
    page.click(".gm-actions >> text=Use settings")
    back = wait_for_held(page, "value.figure && value.made.pose")
    assert back["figure"]["keys"] == value["figure"]["keys"]


def test_the_page_moves_the_figure_between_its_keys_as_the_studio_does(page: Page) -> None:
    rng = np.random.default_rng(5)
    keys = [{"frame": frame, "joints": rng.uniform(0, 1, (18, 2)).tolist()} for frame in (0, 3, 4, 11, 16)]
    read = page.evaluate(
        """async (keys) => {
            const { between } = await import('/gimbal/static/control/between.js');
            return Array.from({ length: 20 }, (_, frame) => between(keys, frame));
        }""",
        keys,
    )
    made = skeletons(
        [FigureKey(frame=key["frame"], joints=tuple(map(tuple, key["joints"]))) for key in keys], 20, 100, 50
    )
    assert np.array(read) * (100, 50) == pytest.approx(made[..., :2], abs=1e-3)


def test_a_bad_file_is_told_and_nothing_is_lost(page: Page, clip: Path, tmp_path: Path) -> None:
    open_control(page)
    drop(page, clip)
    wait_for_films(page, "source", "depth")
    before = wait_for_held(page, "value.made.source && value.made.depth")
    bad = {
        "broken.mp4": clip.read_bytes()[:700],
        "list.m3u8": b"#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n",
        "list.mp4": b"ffconcat version 1.0\nfile /etc/passwd\n",
        "empty.webm": b"",
    }
    for name, data in bad.items():
        (tmp_path / name).write_bytes(data)
        drop(page, tmp_path / name)
        toast = page.locator(".gm-toast.gm-bad", has_text=name)
        expect(toast).to_be_visible()
        toast.get_by_role("button", name="Close").click()
        expect(toast).to_have_count(0)
    assert held(page) == before
    one = write_clip(tmp_path / "one.mp4", np.full((1, 64, 64, 3), 90, np.uint8))
    drop(page, one)
    expect(page.locator(".gm-c-warnings")).to_contain_text("one frame only")
    page.locator(".gm-toast", has_text="another one").get_by_role("button", name="Undo").click()
    assert wait_for_held(page, f"value.source.media === '{before['source']['media']}' && value.made.depth")


def test_a_control_clip_of_another_convention_is_told_and_mended(page: Page, window: Window, tmp_path: Path) -> None:
    rows = np.linspace(250, 10, 128).astype(np.uint8)  # near, below, is dark
    depth = np.broadcast_to(rows[None, :, None, None], (17, 128, 128, 3)).copy()
    open_control(page)
    page.get_by_role("button", name="A control clip made elsewhere").click()
    with page.expect_file_chooser() as waited:
        page.get_by_role("menuitem", name="Depth clip").click()
    waited.value.set_files(str(write_clip(tmp_path / "blender.mp4", depth)))
    row = page.locator(".gm-c-row", has_text="blender.mp4")
    expect(row).to_contain_text("near is dark")
    given = wait_for_held(page, "value.structures[0]?.given")["structures"][0]["given"]
    row.get_by_role("button", name="Bring it to the convention").click()
    value = wait_for_held(page, f"value.structures[0].given !== '{given}' && value.made.depth")
    made = read_frames(medium(window, value["made"]["depth"])).pixels
    assert made[:, -10:].mean() > 200 > 60 > made[:, :10].mean()
    expect(row).to_contain_text("Near is bright")
