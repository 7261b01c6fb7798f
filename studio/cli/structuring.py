"""The options of `generate` that take structure, a source and masks from files, and what they become in a request."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.cli.console import Console

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipelines.domain.conditioning import Conditioning
    from pipelines.domain.request import GenerationRequest
    from studio.structure import Bench, Cut, Made, Target, Task
    from studio.structure.wishes import Draw
    from studio.studio import Studio

CONTROLS = ("depth", "pose", "edges", "scribble", "flow", "grey")
MASK = "mask"
SOURCE = "source"
KEEPING = {"background": "subject", "subject": "background"}
"""What is made anew -> what is kept, for masks that are found rather than given."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options, in a group of their own."""
    group = parser.add_argument_group(
        "structure",
        "FILE is any picture or clip to read the structure off, or a control clip made elsewhere, which is checked and "
        "used as it is; the word source stands for the file of --source. --pose also takes a JSON file of poses, as "
        "--joints writes it.",
    )
    for name in CONTROLS:
        group.add_argument(f"--{name}", metavar="FILE", help=f"follow the {name} of this file")
    group.add_argument("--strength", action="append", default=[], metavar="KIND=N", help="of a control, 0 to 2 (1)")
    group.add_argument(
        "--estimator",
        action="append",
        default=[],
        metavar="KIND=NAME",
        help="what reads a control, or follows the mask (mask=NAME)",
    )
    group.add_argument(
        "--joints", type=Path, metavar="FILE", help="also write the joints of the pose, by name, as JSON"
    )
    group.add_argument("--span", type=_span, default=(0.0, 1.0), metavar="A-B", help="steps they count for (0-1)")
    group.add_argument("--as-is", action="store_true", help="take every control file for a control clip")
    group.add_argument("--fix", action="store_true", help="mend control clips in another convention")
    _about_parts(group)
    group.add_argument("--start", type=float, default=0.0, metavar="SECONDS", help="where in the files to begin")
    group.add_argument("--end", type=float, metavar="SECONDS", help="where in the files to end")
    group.add_argument("--fit", choices=("crop", "bars"), default="crop", help="cut what overhangs, or show all")
    group.add_argument("--spread", action="store_true", help="lay the whole range over the clip, faster or slower")
    group.add_argument("--lay-back", type=Path, metavar="FILE", help="also write the result over the whole source")


def _about_parts(group: argparse._ArgumentGroup) -> None:
    """Options for what of a clip is made anew."""
    group.add_argument("--source", type=Path, metavar="FILE", help="the clip or picture to be changed")
    group.add_argument(
        "--mask",
        metavar="FILE",
        help="what of the source is made anew (white): a clip, a picture painted on its first frame, which is then "
        "followed, or the word subject or background",
    )
    group.add_argument(
        "--restyle", type=float, metavar="N", help="keep the source's motion, change its style by 0 to 1"
    )
    group.add_argument("--mask-still", action="store_true", help="a picture as mask holds for all frames as it is")
    group.add_argument("--outpaint", action="store_true", help="make what lies around the source, in the clip's shape")


@dataclasses.dataclass
class Structured:
    """A request with its structure, and what is told of each part."""

    request: GenerationRequest
    told: list[dict[str, Any]]
    source: str = ""
    mask: str = ""


def is_asked(options: argparse.Namespace) -> bool:
    """Whether any of the options is given."""
    changed = (options.source, options.mask, options.outpaint, options.lay_back, options.restyle is not None)
    return any(changed) or any(getattr(options, name) for name in CONTROLS)


def structured(
    request: GenerationRequest, options: argparse.Namespace, studio: Studio, bench: Bench, console: Console
) -> Structured:
    """The request with everything the options ask for, made and stored. Raises InvalidRequest, GimbalError."""
    from studio.structure import problems

    work = _Work(request, options, studio, bench, console)
    parts = [*work.controls(), *work.source_and_mask()]
    full = dataclasses.replace(request, conditioning=(*request.conditioning, *parts))
    found = problems(studio.library, full)
    if found:
        from pipelines.domain.errors import InvalidRequest

        raise InvalidRequest(found)
    return Structured(full, work.told, work.source, work.mask)


def lay_back(made: Structured, options: argparse.Namespace, clip: Path, studio: Studio, bench: Bench) -> str:
    """Write the finished clip over the whole source to the file that was asked for; a sentence about it."""
    from studio.cli.making import hand_over
    from studio.structure.wishes import Layback

    result = studio.library.add_media(clip, clip.name).sha256
    target, cut = target_of(made.request), cut_of(options)
    wish = Layback(result=result, source=made.source, target=target, cut=cut, mask=made.mask)
    done = bench.make(wish)
    hand_over(studio.library.media_path(done.media), options.lay_back)
    return f"{options.lay_back}  {done.notes[0]}"


def target_of(request: GenerationRequest) -> Target:
    """The grid that a request asks for."""
    from studio.structure import Target

    return Target(width=request.width, height=request.height, num_frames=request.num_frames, fps=request.fps)


def cut_of(options: argparse.Namespace) -> Cut:
    """What of the files the options choose."""
    from studio.media.framing import Framing
    from studio.structure import Cut

    mode = "fit" if options.fit == "bars" or options.outpaint else "fill"
    return Cut(
        start_seconds=options.start,
        end_seconds=options.end,
        framing=Framing(mode=mode),  # type: ignore[arg-type]
        pace="spread" if options.spread else "keep",
    )


class _Work:
    """From options to parts of a request, with a word about each."""

    def __init__(
        self, request: GenerationRequest, options: argparse.Namespace, studio: Studio, bench: Bench, console: Console
    ) -> None:
        self.options, self.studio, self.bench, self.console = options, studio, bench, console
        self.target, self.cut = target_of(request), cut_of(options)
        self.strengths = {kind: _number(kind, text) for kind, text in _pairs("strength", options.strength, CONTROLS)}
        self.estimators = dict(_pairs("estimator", options.estimator, (*CONTROLS, MASK)))
        self.told: list[dict[str, Any]] = []
        self.source = self.mask = ""
        self._check()

    def _check(self) -> None:
        from studio.cli.making import wrong

        asked = self.options
        if not asked.source and (asked.mask or asked.outpaint or asked.lay_back or asked.restyle is not None):
            message = "A mask, --restyle, --outpaint and --lay-back need a source."
            raise wrong("source_clip", message, "Add --source FILE.")
        if not asked.source and any(getattr(asked, name) == SOURCE for name in CONTROLS):
            raise wrong("source_clip", "There is no source to read structure off.", "Add --source FILE.")
        if asked.joints and not asked.pose:
            raise wrong("control_clip", "There is no pose whose joints could be written.", "Add --pose FILE.")
        if asked.mask and asked.outpaint:
            raise wrong("mask_clip", "--outpaint makes its own mask.", "Leave --mask out.")

    def controls(self) -> Iterator[Conditioning]:
        from pipelines.domain.conditioning import ControlClip

        for name in CONTROLS:
            if given := getattr(self.options, name):
                path = self.options.source if given == SOURCE else Path(given)
                media = self._control(name, path)
                if name == "pose" and self.options.joints:
                    self._write_joints(media)
                start, end = self.options.span
                kind: Any = name
                strength = self.strengths.get(name, 1.0)
                yield ControlClip(media=media, control=kind, strength=strength, start=start, end=end)

    def source_and_mask(self) -> Iterator[Conditioning]:
        """The source itself stands in the request unless only its structure is asked for."""
        from pipelines.domain.conditioning import MaskClip, SourceClip
        from studio.structure.wishes import Conform, Outpaint

        if not self.options.source:
            return
        self.source = self._stored(self.options.source)
        if self.options.outpaint:
            made = self._made("around", Outpaint(source=self.source, target=self.target, cut=self.cut))
            self.mask = made.mask
            yield from (SourceClip(media=made.media), MaskClip(media=made.mask))
        elif (
            self.options.mask
            or self.options.restyle is not None
            or not any(getattr(self.options, name) == SOURCE for name in CONTROLS)
        ):
            conformed = Conform(source=self.source, target=self.target, cut=self.cut)
            strength = 1.0 if self.options.restyle is None else self.options.restyle
            yield SourceClip(media=self._made("source", conformed).media, strength=strength)
            if self.options.mask:
                self.mask = self._mask()
                yield MaskClip(media=self.mask)

    def _mask(self) -> str:
        from studio.media import probe
        from studio.structure.wishes import Conform, Subject, TrackMask

        given = self.options.mask
        common: dict[str, Any] = {"target": self.target, "cut": self.cut}
        found = {"source": self.source, "estimator": self.estimators.get(MASK, ""), **common}
        if given in KEEPING:
            return self._made("mask", Subject(keep=KEEPING[given], **found)).media  # type: ignore[arg-type]
        media = self._stored(Path(given))
        if probe(self.studio.library.media_path(media)).kind == "clip" or self.options.mask_still:
            return self._made("mask", Conform(source=media, **common)).media
        return self._made("mask", TrackMask(mask=media, **found)).media

    def _control(self, name: str, path: Path) -> str:
        from studio.structure import check, looks_like_control
        from studio.structure.wishes import Conform, Extract, Fix

        kind: Any = name
        if name == "pose" and path.suffix.lower() == ".json":
            return self._made(name, self._drawn(path)).media
        media = self._stored(path)
        file = self.studio.library.media_path(media)
        if not (self.options.as_is or (path != self.options.source and looks_like_control(file, kind))):
            wish = Extract(source=media, control=kind, target=self.target, cut=self.cut,
                           estimator=self.estimators.get(name, ""))  # fmt: skip
            return self._made(name, wish).media
        found = check(file, kind)
        self.console.note(f"{name}: {path.name} is used as it is. {found.message}")
        if found.fix and found.verdict == "fixable":
            if self.options.fix:
                media = self._made(f"{name} mended", Fix(source=media, control=kind, fix=found.fix)).media
                self.console.note(f"{name}: mended ({found.fix}).")
            else:
                self.console.note(f"{name}: add --fix to mend it.")
        return self._made(name, Conform(source=media, target=self.target, cut=self.cut)).media

    def _drawn(self, path: Path) -> Draw:
        """What draws the figures of a file of poses. Raises InvalidRequest, MediaError."""
        from studio.structure.joints import poses_in
        from studio.structure.wishes import Draw

        first, *others = poses_in(path)
        return Draw(keys=first, others=tuple(others), target=self.target)

    def _write_joints(self, pose: str) -> None:
        from studio.cli.making import wrong
        from studio.structure.joints import joints_of, write_poses

        found = joints_of(self.studio.library.media_path(pose))
        if found is None:
            message = "The pose clip was drawn elsewhere and does not tell its joints."
            raise wrong("control_clip", message, "Leave --joints out, or read the pose off the source.")
        write_poses(self.options.joints, found, (self.target.width, self.target.height))
        self.console.note(f"pose: its joints are in {self.options.joints}")

    def _stored(self, path: Path) -> str:
        return self.studio.library.add_media(path, path.name).sha256

    def _made(self, name: str, wish: Any) -> Made:
        def show(task: Task) -> None:
            self.console.progress(f"{name}  {task.fraction:.0%}")

        made = self.bench.make(wish, show)
        for note in made.notes:
            self.console.note(f"{name}: {note}")
        self.told.append(
            {"part": name, "media": made.media, "mask": made.mask or None, "estimator": made.estimator or None,
             "notes": list(made.notes), "seconds": round(made.seconds, 3)}
        )  # fmt: skip
        return made


def _span(text: str) -> tuple[float, float]:
    """`0-0.5` as (0.0, 0.5)."""
    low, _, high = text.partition("-")
    try:
        return float(low), float(high)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text[:20]!r} is no span: write it as 0-0.5") from None


def _pairs(option: str, given: list[str], kinds: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    from studio.cli.making import wrong

    for text in given:
        kind, _, value = text.partition("=")
        if kind not in kinds or not value:
            message = f"--{option} {text[:40]} makes no sense."
            raise wrong("control_clip", message, f"Write it as depth=…; kinds are {', '.join(kinds)}.")
        yield kind, value


def _number(kind: str, text: str) -> float:
    from studio.cli.making import wrong

    try:
        return float(text)
    except ValueError:
        raise wrong("control_clip", f"{text[:40]!r} is no strength for {kind}.", "Give a number from 0 to 2.") from None
