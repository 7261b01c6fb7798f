"""Body pose by a model: toybox's own, or any folder of ViTPose that a person added."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from pipelines.conditioning import pose
from pipelines.conditioning.estimators import available
from pipelines.conditioning.extractors import Clip, OnShare, Options, Structure, parts
from pipelines.conditioning.extractors.modelled import Modelled
from pipelines.conditioning.people import FACE, LEFT_HAND, RIGHT_HAND, WHOLE
from pipelines.domain.conditioning import ControlKind
from pipelines.domain.errors import GimbalError

if TYPE_CHECKING:
    from pipelines.conditioning.pose_model import PoseModel

BATCH = 16
ONE_PERSON = "One person is followed, the one that is seen best; where there are more, the others are not read."


class Pose(Modelled):
    """One pose model, loaded at its first use and kept. It follows the person that is seen best."""

    control: ClassVar[ControlKind] = "pose"
    what = "Body pose"
    gives = ("body",)
    most_people = 1

    @cached_property
    def _model(self) -> PoseModel:
        return pose.load(self._card.folder)

    def extract(self, frames: Clip, size: tuple[int, int], options: Options, on_share: OnShare) -> Structure:
        """Raises GimbalError where nobody is seen in any frame."""
        found = [self._model.estimate(frames[part], BATCH) for part in parts(len(frames), BATCH, on_share)]
        made = drawn(np.concatenate(found)[:, None], frames.shape[1:3], size, self.id)
        return replace(made, notes=(*made.notes, ONE_PERSON))


def drawn(
    people: NDArray[np.float32], seen_at: tuple[int, ...], size: tuple[int, int], estimator: str, most: int = 0
) -> Structure:
    """Skeletons (T, persons, J, 3), found in frames of `seen_at` (height, width), drawn at `size` (width, height).

    most: how many people were in one frame, where more were seen than are drawn. Raises GimbalError without anybody.
    """
    shown = np.asarray((people[..., 2] >= pose.CONFIDENT).any(axis=(1, 2)))
    if not shown.any():
        message = "No person is seen in any frame."
        raise GimbalError(message, "Choose a clip with a person in full view, another estimator, or depth or edges.")
    scaled = people.copy()
    scaled[..., 0] *= size[0] / seen_at[1]
    scaled[..., 1] *= size[1] / seen_at[0]
    notes = tuple(_notes(people, shown, most))
    return Structure(pixels=pose.draw(scaled, *size), estimator=estimator, notes=notes, joints=scaled)


def _notes(people: NDArray[np.float32], shown: NDArray[np.bool_], most: int) -> Iterator[str]:
    if not shown.all():
        yield f"No person is seen in {int((~shown).sum())} of {len(shown)} frames; the skeleton is gone there."
    count = people.shape[1]
    if most > count:
        yield f"{most} people or more are seen; at most {count} are followed, the largest of them."
    elif count > 1:
        yield f"{count} people are followed."
    if people.shape[2] == WHOLE:
        seen = np.asarray((people[..., 2] >= pose.CONFIDENT).any(axis=1))
        hands, face = seen[:, LEFT_HAND.start : RIGHT_HAND.stop].any(axis=1), seen[:, FACE].any(axis=1)
        yield f"Hands are seen in {int(hands.sum())}, a face in {int(face.sum())} of {len(shown)} frames."


def extractors(added: Sequence[Path]) -> tuple[Pose, ...]:
    return tuple(Pose(card) for card in available("pose", added))
