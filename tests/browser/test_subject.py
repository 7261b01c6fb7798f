"""The Subject tab: dropped pictures become a token, and the token a clip; nothing is lost on the way."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from playwright.sync_api import Page, expect
from safetensors.numpy import save_file

from tests.browser.acts import api, generate, held, wait_for_api, wait_for_new_clip, wait_for_stage, write
from tests.browser.conftest import PHONE, Opener, Window
from tests.browser.test_phone import fits

QUICK = {"steps": 2, "every": 2, "batch": 1, "rank": 2, "alpha": 2, "prior_clips": 1, "sample_steps": 1}
GROUNDS = ((60, 120, 70), (200, 180, 120), (120, 130, 190), (230, 232, 238))
DROP = """(files) => {
    const transfer = new DataTransfer();
    for (const [data, name] of files)
        transfer.items.add(new File([Uint8Array.from(atob(data), c => c.charCodeAt(0))], name));
    const event = (kind) => new DragEvent(kind, { dataTransfer: transfer, bubbles: true, cancelable: true });
    for (const kind of ['dragenter', 'dragover', 'drop']) document.body.dispatchEvent(event(kind));
}"""


def pictures(folder: Path, count: int) -> list[Path]:
    """A red ball with a white band, each time elsewhere on another ground."""
    made = []
    for n, ground in enumerate(GROUNDS[:count]):
        image = Image.new("RGB", (320, 240), ground)
        draw = ImageDraw.Draw(image)
        left, top = 60 + 30 * n, 50 + 12 * n
        draw.ellipse((left, top, left + 110, top + 110), fill=(200, 30, 40))
        draw.rectangle((left + 8, top + 46, left + 102, top + 62), fill=(240, 240, 240))
        image.save(folder / f"ball-{n}.png")
        made.append(folder / f"ball-{n}.png")
    return made


def drop_all(page: Page, files: list[Path]) -> None:
    page.evaluate(DROP, [[base64.b64encode(file.read_bytes()).decode(), file.name] for file in files])


def begin(page: Page, files: list[Path], token: str) -> None:
    """A draft with these pictures, each looked at."""
    page.click("#gm-tab-subject")
    drop_all(page, files)
    expect(page.locator(".gm-s-card")).to_have_count(len(files))
    expect(page.locator(".gm-s-frame:not([hidden])")).to_have_count(len(files))
    page.fill("#gm-s-class_word", "ball")
    page.fill("#gm-s-token", token)
    page.press("#gm-s-token", "Tab")


def train(page: Page, settings: dict[str, int]) -> None:
    page.locator(".gm-s-advanced summary").click()
    for name, value in settings.items():
        page.fill(f"#gm-s-set-{name}", str(value))
        page.press(f"#gm-s-set-{name}", "Tab")
    expect(page.locator(".gm-s-cost")).to_contain_text("on this machine")
    page.click("#gm-train")


def caption(page: Page, number: int) -> str:
    return page.get_by_label(f"Caption of picture {number}").input_value()


def test_dropped_pictures_become_a_token_and_the_token_a_clip_in_the_camera_tab(
    page: Page, window: Window, tmp_path: Path
) -> None:
    begin(page, pictures(tmp_path, 3), "my-ball")
    expect(page.locator("#gm-s-token")).to_have_value("<my-ball>")
    assert caption(page, 1).startswith("a <my-ball> ball")
    page.get_by_label("Caption of picture 2").fill("a <my-ball> ball on a table")
    frame = page.locator(".gm-s-frame").first
    before = frame.get_attribute("style")
    frame.press("ArrowRight")
    assert frame.get_attribute("style") != before
    train(page, QUICK)
    expect(page.locator(".gm-s-page h2").first).to_have_text("<my-ball>")
    expect(page.locator(".gm-s-sample")).to_have_count(2, timeout=90_000)
    expect(page.locator(".gm-s-sample").last).to_contain_text("in use")
    expect(page.locator(".gm-s-plot svg")).to_be_visible()

    subject = api(page, "subjects")["subjects"][0]
    told = api(page, f"subjects/versions/{subject['versions'][0]['id']}/wish")
    assert told["pictures"][1]["caption"] == "a <my-ball> ball on a table"
    assert told["settings"] | QUICK == told["settings"]

    page.get_by_role("button", name="Write a prompt with it").click()
    expect(page.locator("#gm-in-prompt")).to_have_value("a <my-ball> ball")
    known = {clip["id"] for clip in api(page, "clips")["clips"]}
    page.click("#gm-tab-camera")
    generate(page, "a <my-ball> ball on sand")
    clip = wait_for_new_clip(page, known)
    assert clip["request"]["camera"] and clip["request"]["subjects"][0]["token"] == "<my-ball>"


def test_a_stopped_training_goes_on_and_its_states_are_compared_and_chosen(
    page: Page, window: Window, tmp_path: Path
) -> None:
    write(page, "a ball", 2)
    begin(page, pictures(tmp_path, 3), "late-ball")
    train(page, QUICK | {"steps": 6, "every": 2, "prior_weight": 0})
    status = page.locator(".gm-s-status")
    expect(status).to_contain_text(re.compile("step [1-4] of 6"), timeout=90_000)
    with held(window.worker()):
        status.get_by_role("button", name="Stop").click()
    expect(status).to_contain_text("Again goes on from its last state", timeout=30_000)
    expect(page.locator(".gm-s-sample").last).to_be_disabled()
    (version,) = next(one for one in api(page, "subjects")["subjects"] if one["token"] == "<late-ball>")["versions"]
    before = api(page, f"subjects/versions/{version['id']}")
    status.get_by_role("button", name="Again").click()
    expect(page.locator(".gm-s-sample")).to_have_count(4, timeout=180_000)
    expect(page.locator(".gm-s-sample[aria-checked=true]")).to_contain_text("in use", timeout=30_000)
    after = api(page, f"subjects/versions/{version['id']}")
    assert after["losses"][: len(before["losses"])] == before["losses"] and len(after["losses"]) == 6

    other = page.locator(".gm-s-sample:enabled[aria-checked=false]").first
    step = int((other.get_attribute("aria-label") or "").split()[-1])
    other.click()
    expect(page.get_by_role("radio", name=f"Use step {step}", exact=True)).to_have_attribute("aria-checked", "true")
    assert api(page, f"subjects/versions/{version['id']}")["chosen"] == step

    page.get_by_role("button", name="Compare with and without it").click()
    expect(page.get_by_label("Prompt of the comparison")).to_have_value("a <late-ball> ball")
    page.get_by_role("button", name="Make the comparison").click()
    cells = page.locator(".gm-s-cell")
    expect(cells.locator("video")).to_have_count(3, timeout=180_000)
    expect(cells.locator("figcaption")).to_have_text(["without", "strength 0.5", "strength 1"])
    clips = [api(page, f"clips/{clip['id']}")["request"] for clip in api(page, "clips?limit=3")["clips"]]
    assert sorted(clip["subjects"][0]["strength"] for clip in clips) == [0, 0.5, 1]
    assert len({clip["seed"] for clip in clips}) == 1


def test_a_draft_with_faults_is_told_of_them_and_outlives_a_reload(page: Page, tmp_path: Path) -> None:
    begin(page, pictures(tmp_path, 2), "ball")
    expect(page.locator(".gm-s-entry.gm-wrong .gm-problem")).to_contain_text("normal word")
    expect(page.locator(".gm-s-said")).to_contain_text("too few")
    page.fill("#gm-s-token", "<two-balls>")
    page.get_by_label("Caption of picture 1").fill("a red thing")
    page.keyboard.press("Control+Enter")
    wrong = page.locator(".gm-s-sheet > .gm-problem")
    expect(wrong).to_contain_text("2 pictures are too few")
    expect(wrong).to_contain_text("does not hold <two-balls>")
    page.wait_for_timeout(500)
    page.reload()
    page.wait_for_selector("html.gm-ready")
    page.click("#gm-tab-subject")
    expect(page.locator(".gm-s-card")).to_have_count(2)
    expect(page.locator("#gm-s-token")).to_have_value("<two-balls>")
    assert caption(page, 1) == "a red thing"
    page.get_by_role("button", name="Throw the draft away").click()
    expect(page.locator(".gm-s-sheet")).to_be_hidden()
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".gm-s-sheet")).to_be_visible()
    expect(page.locator(".gm-s-card")).to_have_count(2)
    page.get_by_role("button", name="Throw the draft away").click()


def test_files_of_a_subject_are_taken_in_where_they_are_dropped(page: Page, tmp_path: Path) -> None:
    weights, pickle = tmp_path / "rows.safetensors", tmp_path / "evil.pt"
    save_file({"rows": np.full((2, 128), 0.1, np.float32)}, weights)
    pickle.write_bytes(b"\x80\x04cos\nsystem\n(S'true'\ntR.")
    drop_all(page, [pickle])
    expect(page.locator(".gm-toast.gm-bad")).to_contain_text("evil.pt")
    drop_all(page, [weights])
    sheet = page.locator(".gm-dialog")
    expect(sheet).to_contain_text("token is empty")
    sheet.get_by_label("Token").fill("<dropped>")
    sheet.get_by_label("Kind of thing").fill("cube")
    sheet.get_by_role("button", name="Import").click()
    expect(page.locator(".gm-s-page h2").first).to_have_text("<dropped>")
    page.get_by_role("button", name="Write a prompt with it").click()
    expect(page.locator("#gm-in-prompt")).to_have_value("a <dropped> cube")


def test_a_frame_of_a_clip_becomes_a_picture_of_a_subject(page: Page) -> None:
    wait_for_stage(page, "clip")
    page.get_by_role("button", name="Use this frame as a picture").click()
    page.get_by_role("menuitem", name="Add to the pictures of a subject").click()
    expect(page.locator(".gm-s-card")).to_have_count(1)
    page.get_by_role("button", name="Throw the draft away").click()


def test_a_phone_makes_a_subject_of_pictures_alone_and_prompts_complete_its_token(
    open_page: Opener, tmp_path: Path
) -> None:
    page = open_page(PHONE)
    begin(page, pictures(tmp_path, 3), "<still-ball>")
    fits(page)
    page.click(".gm-s-method[data-method=reference]")
    expect(page.locator("#gm-train")).to_have_text("Keep as reference")
    page.click("#gm-train")
    expect(page.locator(".gm-s-page h2").first).to_have_text("<still-ball>")
    wait_for_api(page, "subjects", lambda told: told["subjects"][0]["versions"][0]["state"] == "ready")
    fits(page)
    page.click("#gm-tab-text")
    page.fill("#gm-in-prompt", "")
    page.locator("#gm-in-prompt").press_sequentially("a <sti")
    expect(page.get_by_role("option", name="<still-ball>")).to_be_visible()
    fits(page)
    page.keyboard.press("Enter")
    expect(page.locator("#gm-in-prompt")).to_have_value("a <still-ball> ")
    page.locator("#gm-in-prompt").press_sequentially("beside <nobody>")
    expect(page.locator(".gm-s-unfit")).to_contain_text("no subject <nobody>")
    page.click("#gm-tab-subject")
    page.get_by_role("button", name="Delete this subject").click()
    wait_for_api(page, "subjects", lambda told: all(one["token"] != "<still-ball>" for one in told["subjects"]))
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".gm-s-row", has_text="<still-ball>")).to_be_visible()
