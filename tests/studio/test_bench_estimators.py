"""What the estimators' benchmark says, and that it is silent about what is not installed."""

from __future__ import annotations

import numpy as np

from pipelines.conditioning.extractors.mediapipe_pose import why_not
from pipelines.conditioning.moved_photo import moved
from pipelines.conditioning.people import BODY, nobody
from studio.bench import estimators


class Steady:
    """A looker that follows a photograph's own motion exactly, except that it loses the left half of the joints."""

    def __init__(self, lost: int) -> None:
        self.lost = lost

    def people(self, clip: np.ndarray, on_share: object) -> tuple[np.ndarray, int]:
        _, maps = moved(clip[0], estimators.PHOTO_FRAMES)
        spots = np.random.default_rng(0).uniform(10, 50, (18, 2))
        places = np.concatenate([spots, np.ones((18, 1))], axis=1) @ maps[: len(clip)].transpose(0, 2, 1)
        found = np.concatenate([places, np.ones((len(clip), 18, 1))], axis=2)
        if len(clip) > 1:
            found[:, : self.lost, 2] = 0.0
        people = nobody(len(clip), 1)
        people[:, 0, BODY] = found
        return people, 1


def test_a_looker_is_held_against_itself_along_a_known_motion() -> None:
    photo = np.random.default_rng(0).integers(0, 255, (60, 60), np.uint8)
    for lost, share in ((0, 100.0), (9, 50.0)):
        found = {m.name: m for m in estimators._on_photograph(Steady(lost), "someone", photo)}
        assert found["MediaPipe pose, someone: PCK@0.1 while it moves"].value == share
        assert found["MediaPipe pose, someone: a frame"].unit == "ms"


def test_what_is_not_installed_is_said_and_not_measured() -> None:
    said: list[str] = []
    if why_not():
        assert estimators._mediapipe(said.append) == [] and "is not measured" in said[0]


def test_figures_stand_beside_shuffled_ones_and_the_codecs() -> None:
    depth = {"absrel_clip": 0.1, "absrel_frame": 0.08, "absrel_shuffled_clip": 0.5}
    pose = {"pck": 0.9, "person_found": 0.95, "nobody_told": 1.0, "pck_shuffled": 0.1}
    found = {"depth": {"": depth, "after the codec": depth}, "pose": {"": pose, "after the codec": pose}}
    told = {m.name: m for m in estimators._told(found, {"depth": 0.03, "pose": 0.01}, estimators.Extent(scenes=2))}
    first = told["toybox depth: AbsRel, one scale and shift a clip"]
    assert first.value == 0.1 and first.beside == {"after the codec": 0.1, "shuffled": 0.5}
    assert told["toybox pose: PCK@0.1"].value == 90.0 and told["toybox pose: a frame"].value == 10.0
