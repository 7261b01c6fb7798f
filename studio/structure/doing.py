"""Doing what is wished, in the bench's own process: from files to files. Torch comes in with the models alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, assert_never

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.conditioning import extractors, figure, masks, pose, trackers
from pipelines.conditioning.choosing import chosen
from pipelines.conditioning.convention import mender
from pipelines.conditioning.trackers import Tracker
from pipelines.domain.errors import GimbalError, MediaError
from studio.media import read_frames, read_image
from studio.media.framing import framed
from studio.media.sound import keep_sound
from studio.structure import joints
from studio.structure.conforming import Plan, Target, conformed, looked_at, plan, streamed
from studio.structure.layback import laid_back
from studio.structure.origin import Origin, write
from studio.structure.timeline import timeline
from studio.structure.wishes import (
    Conform,
    Draw,
    Extract,
    Fix,
    Layback,
    Outpaint,
    Subject,
    TrackMask,
    Wish,
    name_of,
    to_dict,
)

OnShare = Callable[[float], None]
_SAME_SHAPE = 0.02


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of a wish. The clip is at the path that was given; has_mask: a mask is at the other one."""

    estimator: str = ""
    notes: tuple[str, ...] = ()
    has_mask: bool = False


@dataclass(frozen=True, kw_only=True)
class Paths:
    """Where to read and write. media: content hash -> file. clip, mask: what is made."""

    media: Mapping[str, Path]
    clip: Path
    mask: Path


class Hands:
    """Does wishes one at a time; models stay loaded in between. added: folders of a person's own models."""

    def __init__(self, added: Sequence[Path]) -> None:
        self._extractors = extractors.every(added)
        self._trackers = trackers.every(added)

    def do(self, wish: Wish, paths: Paths, on_share: OnShare) -> Outcome:
        """Make what is wished. on_share hears 0..1; what it raises ends the work. Raises GimbalError and its kinds."""
        match wish:
            case Extract():
                return self._extract(wish, paths, on_share)
            case Conform():
                return _conform(wish, paths)
            case TrackMask():
                return _track(wish, paths, self._tracker(wish.estimator), on_share)
            case Subject():
                return _subject(wish, paths, self._tracker(wish.estimator), on_share)
            case Outpaint():
                return _outpaint(wish, paths)
            case Fix():
                return _fix(wish, paths, on_share)
            case Draw():
                return _draw(wish, paths)
            case Layback():
                return _lay_back(wish, paths, on_share)
            case _:
                assert_never(wish)

    def _tracker(self, wanted: str) -> Tracker:
        return chosen("mask", wanted, self._trackers)

    def _extract(self, wish: Extract, paths: Paths, on_share: OnShare) -> Outcome:
        extractor = chosen(wish.control, wish.estimator, self._extractors)
        made = plan(paths.media[wish.source], wish.target, wish.cut)
        frames, which = looked_at(made)
        size = (wish.target.width, wish.target.height)
        found = extractor.extract(frames, size, wish.options, on_share)
        origin = _origin(wish, control=wish.control, estimator=found.estimator)
        tags = None if found.joints is None else {joints.TAG: joints.as_tag(found.joints[which])}
        write(paths.clip, found.pixels[which], wish.target.fps, origin, tags)
        return Outcome(estimator=found.estimator, notes=(*made.report.warnings, *found.notes))


def _origin(wish: Wish, **told: Any) -> Origin:
    details = {name: value for name, value in to_dict(wish).items() if name not in ("wish", "source", "control")}
    return Origin(what=name_of(wish), source=getattr(wish, "source", ""), details=details, **told)


def _conform(wish: Conform, paths: Paths) -> Outcome:
    made = plan(paths.media[wish.source], wish.target, wish.cut)
    write(paths.clip, conformed(made).pixels, wish.target.fps, _origin(wish))
    return Outcome(notes=(*made.report.steps, *made.report.warnings))


def _track(wish: TrackMask, paths: Paths, tracker: Tracker, on_share: OnShare) -> Outcome:
    made = plan(paths.media[wish.source], wish.target, wish.cut)
    frames, which = looked_at(made, tracker.side)
    painted = _painted(paths.media[wish.mask], made, frames.shape[1:3])
    found = tracker.track(frames, painted, _place(wish.frame, which), on_share)
    return _write_mask(found[which], wish, paths, tracker.id)


def _subject(wish: Subject, paths: Paths, tracker: Tracker, on_share: OnShare) -> Outcome:
    made = plan(paths.media[wish.source], wish.target, wish.cut)
    frames, which = looked_at(made, tracker.side)
    frame = _place(wish.frame, which)
    hint = _painted(paths.media[wish.mask], made, frames.shape[1:3]) if wish.mask else None
    about = masks.standing_out(frames, frame) if hint is None else hint
    found = tracker.track(frames, tracker.cut_out(frames[frame], about), frame, on_share)
    return _write_mask(found[which] ^ (wish.keep == "subject"), wish, paths, tracker.id)


def _place(frame: int, which: NDArray[np.intp]) -> int:
    if not 0 <= frame < len(which):
        raise GimbalError(f"The mask is painted on frame {frame}; the clip has {len(which)}.", "Paint it again.")
    return int(which[frame])


def _painted(path: Path, made: Plan, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """A painted mask at the size of the frames that are looked at; in the shape of the clip or of the whole source."""
    picture = read_image(path, background=(0, 0, 0)).pixels[0]
    height, width = shape[0], shape[1]
    target, info = made.target, made.line.info
    if not picture.max() > 127:
        raise GimbalError("The mask is empty: nothing would be made anew.", "Paint what shall change.")
    if _alike(picture.shape[1] / picture.shape[0], target.width / target.height):
        sized = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    elif _alike(picture.shape[1] / picture.shape[0], info.width / info.height):
        sized = framed(picture, made.cut.framing, width, height)
    else:
        told = f"{picture.shape[1]} × {picture.shape[0]}"
        message = f"The mask is {told}: neither the shape of the clip ({target.width} × {target.height}) nor of the "
        raise MediaError(f"{message}source ({info.width} × {info.height}).", "Paint it over a frame of the source.")
    return np.asarray(sized.mean(axis=-1) > 127)


def _alike(one: float, other: float) -> bool:
    return abs(one / other - 1.0) < _SAME_SHAPE


def _write_mask(found: NDArray[np.bool_], wish: TrackMask | Subject, paths: Paths, estimator: str) -> Outcome:
    size = (wish.target.width, wish.target.height)
    white = (cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_LINEAR) > 0.5 for mask in found)
    made = np.stack([mask.astype(np.uint8) * np.uint8(255) for mask in white])
    pictures = np.repeat(made[..., None], 3, axis=-1)
    write(paths.clip, pictures, wish.target.fps, _origin(wish, estimator=estimator))
    gone, everywhere = masks.lost(found), int((found.mean(axis=(1, 2)) > 0.995).sum())
    notes = []
    if gone:
        notes.append(f"The mask is lost in {gone} of {len(found)} frames; nothing is made anew there.")
    if everywhere:
        notes.append(f"The mask covers everything in {everywhere} of {len(found)} frames.")
    return Outcome(estimator=estimator, notes=tuple(notes))


def _outpaint(wish: Outpaint, paths: Paths) -> Outcome:
    made = plan(paths.media[wish.source], wish.target, wish.cut)
    info, (width, height) = made.line.info, (wish.target.width, wish.target.height)
    white = framed(np.full((info.height, info.width, 3), 255, np.uint8), wish.cut.framing, width, height)
    beyond = np.where(white > 127, 0, 255).astype(np.uint8)
    if not beyond.any():
        message = "The source fills the frame already: there is nothing to paint around it."
        raise GimbalError(message, "Choose another shape, and show the source whole (fit).")
    write(paths.clip, conformed(made).pixels, wish.target.fps, _origin(wish))
    write(paths.mask, [beyond] * wish.target.num_frames, wish.target.fps, _origin(wish))
    return Outcome(notes=(*made.report.steps, *made.report.warnings), has_mask=True)


def _fix(wish: Fix, paths: Paths, on_share: OnShare) -> Outcome:
    path = paths.media[wish.source]
    line = timeline(path)
    info, count = line.info, len(line.times)
    fps = line.fps if info.kind == "clip" else 1.0
    made = plan(path, Target(width=info.width, height=info.height, num_frames=count, fps=fps))
    few = plan(path, Target(width=info.width, height=info.height, num_frames=min(5, count), fps=fps))
    mend = mender(np.stack([picture for _, picture in streamed(few, (info.width, info.height))]), wish.fix)

    def mended() -> Iterator[NDArray[np.uint8]]:
        for place, (_, picture) in enumerate(streamed(made, (info.width, info.height))):
            on_share(place / count)
            yield mend(picture[None])[0]

    write(paths.clip, mended(), fps, _origin(wish, control=wish.control))
    return Outcome()


def _draw(wish: Draw, paths: Paths) -> Outcome:
    target = wish.target
    people = figure.group((wish.keys, *wish.others), target.num_frames, target.width, target.height)
    pixels = pose.draw(people, target.width, target.height)
    origin = _origin(wish, control="pose", estimator="by hand")
    write(paths.clip, pixels, target.fps, origin, {joints.TAG: joints.as_tag(people)})
    return Outcome(estimator="by hand")


def _lay_back(wish: Layback, paths: Paths, on_share: OnShare) -> Outcome:
    made = plan(paths.media[wish.source], wish.target, wish.cut)
    result = read_frames(paths.media[wish.result], max_frames=wish.target.num_frames + 1)
    mask = read_frames(paths.media[wish.mask], max_frames=wish.target.num_frames) if wish.mask else None
    silent = paths.clip.with_name("silent.mp4")
    count = write(silent, laid_back(made, result, mask, on_share), made.line.fps, _origin(wish))
    heard = keep_sound(made.path, silent, paths.clip)
    return Outcome(notes=(f"{count} frames of {made.line.info.width} × {made.line.info.height}, {heard}.",))
