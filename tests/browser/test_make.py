"""From a typed prompt to a playing clip to files, and a job that no closed page can lose."""

from __future__ import annotations

import json
import re
import zipfile
from fractions import Fraction
from pathlib import Path

import av
from PIL import Image
from playwright.sync_api import Page, expect

from pipelines.domain.request import GenerationRequest
from studio.export import FORMATS
from studio.media.tags import read_record
from tests.browser.acts import LONG_STEPS, api, generate, held, open_fold, wait_for_api, wait_for_stage, write
from tests.browser.conftest import Opener, Window

EXPORT_SECONDS = 120
PROMPT = "a red ball on grass under a blue sky, the camera pushes in"


def decoded(path: Path) -> tuple[int, tuple[int, int], float | None]:
    """(frames, size, fps) of an exported file, by decoding every frame; a zip of pictures has no rate."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as pack:
            names = sorted(name for name in pack.namelist() if name.endswith(".png"))
            sizes = {Image.open(pack.open(name)).size for name in names}
        return len(names), sizes.pop(), None
    if path.suffix in (".gif", ".webp"):
        with Image.open(path) as picture:
            durations = []
            for at in range(picture.n_frames):
                picture.seek(at)
                picture.load()
                durations.append(float(picture.info["duration"]))
            return picture.n_frames, picture.size, round(1000 * len(durations) / sum(durations), 1)
    with av.open(str(path)) as film:
        stream = film.streams.video[0]
        frames = [frame.to_ndarray(format="rgb24").shape for frame in film.decode(stream)]
        return len(frames), (stream.width, stream.height), float(Fraction(stream.average_rate or 0))


def test_a_typed_prompt_becomes_a_playing_clip_and_a_file_of_every_format(page: Page, tmp_path: Path) -> None:
    generate(page, PROMPT)
    wait_for_stage(page, "clip")
    page.wait_for_function("(v => v && !v.paused && v.currentTime > 0.2)(document.querySelector('.gm-video'))")
    looks = page.evaluate("(v => [v.loop, v.muted, v.videoWidth])(document.querySelector('.gm-video'))")
    clip = api(page, "clips?limit=1")["clips"][0]
    assert (clip["prompt"], looks) == (PROMPT, [True, True, clip["width"]])
    request = read_request(page, clip["id"])
    page.click(".gm-actions >> text=Export")
    for made in FORMATS:
        page.select_option("#gm-export-format", made.id)
        with page.expect_download(timeout=EXPORT_SECONDS * 1000) as waited:
            page.click("#gm-export-go")
        file = tmp_path / waited.value.suggested_filename
        waited.value.save_as(file)
        frames, size, fps = decoded(file)
        assert (made.id, frames, size) == (made.id, clip["num_frames"], (clip["width"], clip["height"]))
        assert fps is None or abs(fps - clip["fps"]) < 0.2, made.id
        assert read_record(file).request.to_json() == request, made.id
        file.unlink()
        expect(page.locator("#gm-export-go")).to_be_enabled()


def read_request(page: Page, clip_id: str) -> str:
    return GenerationRequest.from_json(json.dumps(api(page, f"clips/{clip_id}")["request"])).to_json()


def test_an_export_follows_range_loop_scale_and_rate(page: Page, tmp_path: Path) -> None:
    wait_for_stage(page, "clip")
    clip = api(page, "clips?limit=1")["clips"][0]
    page.click(".gm-actions >> text=Export")
    dialog = page.locator("dialog")
    page.select_option("#gm-export-format", "gif")
    dialog.get_by_label("From frame").fill("2")
    dialog.get_by_label("to frame").fill("5")
    dialog.get_by_role("radio", name="Boomerang").click()
    dialog.get_by_label("times").fill("3")
    dialog.get_by_role("radio", name="2×", exact=True).click()
    with page.expect_download(timeout=EXPORT_SECONDS * 1000) as waited:
        page.click("#gm-export-go")
    waited.value.save_as(tmp_path / "x.gif")
    frames, size, fps = decoded(tmp_path / "x.gif")
    assert (frames, size) == (3 * 6, (2 * clip["width"], 2 * clip["height"]))
    assert fps is not None and abs(fps - clip["fps"]) < 0.3


def test_a_reload_and_a_closed_page_find_the_same_job_again(open_page: Opener, window: Window) -> None:
    page = open_page()
    with held(window.worker()) as worker:
        job = generate(page, "a blue cone on sand at sunset", steps=LONG_STEPS)
        view = f".gm-view-live[data-job='{job}']"
        worker.until(page.locator(view, has_text=re.compile(r"step \d+ of")).is_visible)
        page.reload()
        page.wait_for_selector(f"html.gm-ready[data-stage='live'] {view}")
        expect(page.locator("#gm-in-prompt")).to_have_value("a blue cone on sand at sunset")
        page.close()
        again = open_page()
        again.wait_for_selector(f"html.gm-ready[data-stage='live'] {view}")
        expect(again.locator(view)).to_contain_text("step")
        assert api(again, f"jobs/{job}")["state"] == "running"
        again.locator("#gm-stage").click(position={"x": 5, "y": 5})
        again.keyboard.press("Escape")
        expect(again.locator(view)).to_contain_text("Stopping")
    stopped = wait_for_api(again, f"jobs/{job}", lambda found: found["state"] == "stopped")
    again.wait_for_selector("html:not([data-stage='live'])")
    assert stopped["request"]["steps"] == LONG_STEPS


def test_a_problem_is_told_at_its_field_and_the_form_keeps_what_was_typed(page: Page, window: Window) -> None:
    write(page, "")
    open_fold(page, "Look")
    page.fill("#gm-in-negative_prompt", "grain")
    jobs = len(api(page, "clips")["clips"])
    page.keyboard.press("Control+Enter")
    expect(page.locator(".gm-cell-prompt .gm-problem")).to_contain_text("The prompt is empty.")
    assert page.input_value("#gm-in-negative_prompt") == "grain"
    assert len(api(page, "clips")["clips"]) == jobs


def test_words_the_model_does_not_know_and_values_off_its_grid_are_shown(page: Page) -> None:
    write(page, "a red dragon on grass")
    note = page.locator(".gm-cell-prompt .gm-note:not(.gm-s-unfit)")
    expect(note).to_have_text("This model does not know: dragon")
    expect(page.locator(".gm-estimate")).to_contain_text("about")
    page.fill("#gm-in-num_frames", "11")
    page.press("#gm-in-num_frames", "Tab")
    length = int(page.input_value("#gm-in-num_frames"))
    assert length != 11 and length % 4 == 1
    page.click(".gm-cell-num_frames .gm-reset")
    assert int(page.input_value("#gm-in-num_frames")) > length
