"""How right the estimators of depth and pose are: toybox's own on held-out renders, MediaPipe on moved photographs."""

from __future__ import annotations

import importlib
import importlib.util
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines.models.catalog import DEFAULT, Catalog
from studio.bench.report import Measure
from studio.bench.toybox import shape_of
from studio.settings import Settings

if TYPE_CHECKING:
    from numpy.typing import NDArray

PHOTOGRAPHS = ("astronaut", "camera")
"""Of those that scikit-image ships, the ones that show a person."""
PHOTO_FRAMES = 17
_FIGURES = {
    "depth": (("absrel_clip", "AbsRel, one scale and shift a clip", ""), ("absrel_frame", "AbsRel, one a frame", "")),
    "pose": (("pck", "PCK@0.1", "%"), ("person_found", "persons found", "%"), ("nobody_told", "empty told", "%")),
}


@dataclass(frozen=True, kw_only=True)
class Extent:
    """How many held-out renders; half of them show a figure."""

    scenes: int = 24


def measure(
    say: Callable[[str], None], settings: Settings | None = None, extent: Extent | None = None
) -> tuple[Measure, ...]:
    """The shipped estimators and, where it is installed, MediaPipe."""
    return (*_toybox(say, settings or Settings.read(), extent or Extent()), *_mediapipe(say))


def _toybox(say: Callable[[str], None], settings: Settings, extent: Extent) -> list[Measure]:
    """Renders as they are, and after the codec, which is what a generated clip looks like at best."""
    from pipelines.conditioning import depth, pose
    from pipelines.toybox import measure_estimators as judging
    from pipelines.toybox.bench.scenes import Shape, draw_cases, has_figure
    from pipelines.toybox.sampling import EVERYDAY
    from pipelines.toybox.train_judge import round_trip

    card = next((card for card in Catalog(settings.assets).cards() if card.id == DEFAULT), None)
    shape = Shape(128, 128, 17) if card is None else shape_of(card)
    say(f"{extent.scenes} held-out renders")
    people = extent.scenes // 2
    cases = draw_cases(EVERYDAY, shape, extent.scenes - people, series=3)
    cases += draw_cases(EVERYDAY, shape, people, has_figure, series=4)
    truth = judging.HeldOut(
        np.stack([case.frames for case in cases]),
        np.stack([case.depth for case in cases]),
        np.stack([case.skeletons for case in cases]),
    )
    shows = {"": truth.frames}
    if card is not None:
        shows["after the codec"] = np.concatenate(
            [round_trip(card.folder / "vae", clip[None]) for clip in truth.frames]
        )
    found: dict[str, dict[str, dict[str, float]]] = {"depth": {}, "pose": {}}
    seconds: dict[str, float] = {}
    models: dict[str, tuple[Any, Any]] = {
        "depth": (depth.load(), judging.measure_depth), "pose": (pose.load(), judging.measure_pose),
    }  # fmt: skip
    for kind, (model, judge) in models.items():
        for name, clips in shows.items():
            say(f"{kind} {name}".strip())
            made, spent = judging.timed(model.estimate, clips)
            found[kind][name] = judge(made, truth)
            seconds.setdefault(kind, spent)
    return _told(found, seconds, extent)


def _told(found: dict[str, dict[str, dict[str, float]]], seconds: dict[str, float], extent: Extent) -> list[Measure]:
    measures = []
    for kind, figures in _FIGURES.items():
        for key, name, unit in figures:
            factor = 100.0 if unit == "%" else 1.0
            beside = {show: factor * values[key] for show, values in found[kind].items() if show}
            shuffled = found[kind][""].get({"absrel_clip": "absrel_shuffled_clip", "pck": "pck_shuffled"}.get(key, ""))
            if shuffled is not None:
                beside["shuffled"] = factor * shuffled
            value = factor * found[kind][""][key]
            if not math.isfinite(value):  # nobody, or nothing but people, in so few renders
                continue
            title = f"toybox {kind}: {name}"
            measures.append(
                Measure(name=title, value=value, unit=unit, beside=beside, note=f"{extent.scenes} held-out renders")
            )
        note = "processor seconds, one after another"
        measures.append(Measure(name=f"toybox {kind}: a frame", value=1000 * seconds[kind], unit="ms", note=note))
    return measures


def _mediapipe(say: Callable[[str], None]) -> list[Measure]:
    """Against itself on photographs that move in a known way; nothing where it or scikit-image is not installed."""
    from pipelines.conditioning.extractors.mediapipe_pose import MediaPipePose

    looker = MediaPipePose()
    missing = looker.why_not or ("" if importlib.util.find_spec("skimage") else "scikit-image is not installed.")
    if missing:
        say(f"MediaPipe is not measured. {missing}")
        return []
    data = importlib.import_module("skimage.data")
    measures = []
    for name in PHOTOGRAPHS:
        say(f"MediaPipe on {name}")
        measures += _on_photograph(looker, name, np.asarray(getattr(data, name)()))
    return measures


def _on_photograph(looker: Any, name: str, photo: NDArray[np.uint8]) -> list[Measure]:
    from pipelines.conditioning.moved_photo import carried, moved
    from pipelines.conditioning.people import BODY, FACE, LEFT_HAND, RIGHT_HAND
    from pipelines.conditioning.pose import CONFIDENT
    from pipelines.conditioning.pose_hits import hits

    photo = np.repeat(photo[..., None], 3, axis=-1) if photo.ndim == 2 else photo[..., :3]
    clip, maps = moved(np.ascontiguousarray(photo), PHOTO_FRAMES)
    begun = time.process_time()
    found = looker.people(clip, lambda fraction: None)[0][:, 0, BODY]
    spent = (time.process_time() - begun) / len(clip)
    first = looker.people(clip[:1], lambda fraction: None)[0][0, 0]
    hands, face = (int((first[part, 2] >= CONFIDENT).sum()) for part in (slice(LEFT_HAND.start, RIGHT_HAND.stop), FACE))
    first = first[BODY]
    seen = int((first[:, 2] >= CONFIDENT).sum())
    right, total = hits(found, carried(first, maps))
    parts = f"{seen} of the body, {hands} of hands, {face} of the face"
    note = f"against its own joints in the first frame ({parts}), carried along the known motion"
    measures = [Measure(name=f"MediaPipe pose, {name}: a frame", value=1000 * spent, unit="ms")]
    if total:
        share = 100 * right / total
        title = f"MediaPipe pose, {name}: PCK@0.1 while it moves"
        measures.insert(0, Measure(name=title, value=share, unit="%", note=note))
    return measures
