"""Control clips made elsewhere: the convention is told from the pixels, and one fix mends it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from pipelines.conditioning import edges
from pipelines.conditioning.convention import check, looks_like, mender
from pipelines.conditioning.figure import STANDING, FigureKey, skeletons
from pipelines.conditioning.pose import draw
from tests.pipelines.conditioning.figures import whole_figure
from tests.studio.structure.samples import rolling

RAMP = np.broadcast_to(np.linspace(20, 240, 96).astype(np.uint8)[None, :, None, None], (4, 96, 96, 3))
FIGURE = draw(skeletons((FigureKey(frame=0, joints=STANDING),), 4, 96, 96), 96, 96)
WHOLE = np.repeat(whole_figure(96.0)[None], 4, axis=0)
LINES = edges.to_control(rolling(4))


@pytest.mark.parametrize(
    ("control", "clip"), [("depth", RAMP), ("pose", FIGURE), ("pose", draw(WHOLE, 96, 96)), ("edges", LINES)]
)
def test_what_we_make_ourselves_is_fine_and_known_for_what_it_is(control: str, clip: np.ndarray) -> None:
    assert check(clip, control).verdict == "fine"  # type: ignore[arg-type]
    assert looks_like(clip, control)  # type: ignore[arg-type]


@pytest.mark.parametrize("control", ["depth", "pose", "edges"])
def test_a_picture_is_no_control_clip(control: str) -> None:
    assert not looks_like(rolling(4), control)  # type: ignore[arg-type]


def painted(colours: int) -> np.ndarray:
    return np.stack([cv2.applyColorMap(frame, colours)[..., ::-1] for frame in RAMP[..., 0]])


@pytest.mark.parametrize(
    ("control", "clip", "fix"),
    [
        ("depth", 255 - RAMP, "invert"),
        ("depth", painted(cv2.COLORMAP_TURBO), "grey"),
        ("edges", 255 - LINES, "invert"),
        ("pose", FIGURE[..., ::-1], "swap_colours"),
        ("pose", draw(WHOLE, 96, 96)[..., ::-1], "swap_colours"),
    ],
)
def test_one_click_mends_another_convention(control: str, clip: np.ndarray, fix: str) -> None:
    found = check(clip, control)  # type: ignore[arg-type]
    assert (found.verdict, found.fix) == ("fixable", fix) and found.message
    mended = mender(clip, found.fix)(np.ascontiguousarray(clip))  # type: ignore[arg-type]
    assert check(mended, control).verdict == "fine"  # type: ignore[arg-type]


def test_a_colour_map_gives_back_its_depth() -> None:
    for colours in (cv2.COLORMAP_TURBO, cv2.COLORMAP_INFERNO, cv2.COLORMAP_VIRIDIS):
        clip = painted(colours)
        assert np.abs(mender(clip, "grey")(clip).astype(int) - RAMP).max() <= 2


@pytest.mark.parametrize(
    ("control", "clip"),
    [
        ("depth", np.full((2, 64, 64, 3), 90, np.uint8)),
        ("pose", np.zeros((2, 64, 64, 3), np.uint8)),
        ("pose", np.repeat(FIGURE.max(axis=-1, keepdims=True), 3, axis=-1)),
        ("pose", rolling(3)),
        ("edges", np.zeros((2, 64, 64, 3), np.uint8)),
    ],
)
def test_what_holds_nothing_is_wrong(control: str, clip: np.ndarray) -> None:
    found = check(clip, control)  # type: ignore[arg-type]
    assert found.verdict == "wrong" and not found.fix


def test_what_cannot_be_told_is_not_guessed() -> None:
    sideways = np.ascontiguousarray(RAMP.swapaxes(1, 2))
    assert check(sideways, "depth").verdict == "unsure"


def test_a_face_close_up_is_a_skeleton_although_it_is_white() -> None:
    close = WHOLE.copy()
    close[..., :2] = (close[..., :2] - (48.0, 15.0)) * 5.0 + 48.0
    assert check(draw(close, 96, 96), "pose").verdict in ("fine", "unsure")
