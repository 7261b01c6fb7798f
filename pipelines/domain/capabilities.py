"""What a model can do, as data: the form and the validator read the same record."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from pipelines.domain.adapters import adapter_problems
from pipelines.domain.camera.problems import problems as camera_problems
from pipelines.domain.conditioning import (
    ControlClip,
    EndImage,
    ExtendClip,
    KeyImage,
    MaskClip,
    ReferenceImage,
    SourceClip,
    StartImage,
)
from pipelines.domain.errors import Problem
from pipelines.domain.request import MAX_SEED, GenerationRequest
from pipelines.domain.subject import subject_problems, without_tokens

MAX_PROMPT_CHARS = 4000
MAX_STRENGTH = 2.0


@dataclass(frozen=True, kw_only=True)
class Range:
    """A number a person can set: inclusive bounds, a default and the step of its control."""

    low: float
    high: float
    default: float
    step: float = 1.0

    def holds(self, value: float) -> bool:
        return math.isfinite(value) and self.low <= value <= self.high


@dataclass(frozen=True, kw_only=True)
class FrameGrid:
    """The sizes and lengths a model can make.

    size_multiple: width and height are multiples of this many pixels.
    sizes: (width, height) pairs the model was trained for, the default first.
    frames_multiple: num_frames = 1 + k * frames_multiple (the temporal stride of the codec).
    lengths: offered num_frames, the default first.
    """

    size_multiple: int
    min_side: int
    max_side: int
    max_pixels: int
    sizes: tuple[tuple[int, int], ...]
    frames_multiple: int
    lengths: tuple[int, ...]
    max_frames: int
    fps: Range

    def snap_size(self, width: int, height: int) -> tuple[int, int]:
        """The nearest (width, height) on the grid that keeps the aspect ratio as well as it can."""
        scale = min(1.0, math.sqrt(self.max_pixels / max(1, width * height)))
        short, long = sorted((self._snap_side(width * scale), self._snap_side(height * scale)))
        if short * long > self.max_pixels:  # rounding up can cross the area: the longer side gives way
            long = self._snap_side(self.max_pixels // short // self.size_multiple * self.size_multiple)
        return (short, long) if width < height else (long, short)

    def snap_frames(self, num_frames: int) -> int:
        """The nearest length on the grid."""
        steps = round((num_frames - 1) / self.frames_multiple)
        return 1 + self.frames_multiple * max(0, min(steps, (self.max_frames - 1) // self.frames_multiple))

    def _snap_side(self, side: float) -> int:
        low = math.ceil(self.min_side / self.size_multiple)
        high = self.max_side // self.size_multiple
        return self.size_multiple * max(low, min(high, math.floor(side / self.size_multiple + 0.5)))


@dataclass(frozen=True, kw_only=True)
class CameraLimits:
    """The fastest camera a model can be expected to follow, per frame step: degrees turned, metres travelled.

    source: where the numbers come from, as a person is told.
    """

    degrees: float
    metres: float
    source: str


@dataclass(frozen=True, kw_only=True)
class Capabilities:
    """What one model can do. `conditionings` lists the kinds it takes (see `pipelines.domain.conditioning`).

    vocabulary: the words the model knows, lower-case; empty where it knows a language at large.
    prompt: whether it is told anything in words. needs: the conditionings without which it makes nothing.
    controls: the kinds of control clip it was trained on; empty = all. cameras: ways besides depth and words in which
    it is given a camera path: "poses" (each frame's own) or "moves" (one of a few trained moves).
    max_controls: how many control clips it follows at once. restyles: whether it takes a source clip's strength.
    control_span: whether control clips can count for a part of the steps (all of one request for the same part).
    adapters: whether it takes LoRA. draft: whether it can be quicker at some cost of the frames.
    lacks: pairs of a conditioning it does not take and why, in words for a person.
    camera_limits: how fast a camera it was shown, None where nobody knows.
    """

    grid: FrameGrid
    steps: Range
    guidance: Range
    negative_prompt: bool = True
    conditionings: frozenset[str] = frozenset()
    vocabulary: frozenset[str] = field(default=frozenset(), repr=False)
    prompt: bool = True
    needs: frozenset[str] = frozenset()
    controls: frozenset[str] = frozenset()
    cameras: frozenset[str] = frozenset()
    max_controls: int = 1
    restyles: bool = False
    control_span: bool = False
    adapters: bool = False
    draft: bool = False
    lacks: tuple[tuple[str, str], ...] = ()
    camera_limits: CameraLimits | None = None

    def takes(self, kind: str) -> bool:
        """Whether a request may hold that kind; what takes a source clip extends one too, unless it lacks that."""
        if kind == ExtendClip.kind and SourceClip.kind in self.conditionings:
            return kind not in dict(self.lacks)
        return kind in self.conditionings

    def why_not(self, kind: str) -> str:
        """Why the model does not take a kind of conditioning: a sentence, empty where it takes it."""
        if self.takes(kind):
            return ""
        return dict(self.lacks).get(kind, f"It was not trained to take a {kind.replace('_', ' ')}.")


def unknown_words(prompt: str, capabilities: Capabilities) -> tuple[str, ...]:
    """The words of a prompt that the model has never seen, each once; none where it knows a language at large."""
    if not capabilities.vocabulary:
        return ()
    words = re.findall(r"[^\W\d_]+(?:['-][^\W\d_]+)*", without_tokens(prompt).lower())
    return tuple(dict.fromkeys(w for w in words if w not in capabilities.vocabulary))


def problems(request: GenerationRequest, capabilities: Capabilities) -> tuple[Problem, ...]:
    """Everything that keeps this model from serving this request; empty when it fits."""
    return (
        *_prompt_problems(request, capabilities),
        *_grid_problems(request, capabilities.grid),
        *_number_problems(request, capabilities),
        *_conditioning_problems(request, capabilities),
        *(() if request.camera is None else camera_problems(request.camera)),
        *subject_problems(request.subjects, request.prompt),
        *adapter_problems(request.adapters, capabilities.adapters),
        *_draft_problems(request, capabilities),
    )


def _draft_problems(request: GenerationRequest, capabilities: Capabilities) -> Iterable[Problem]:
    if request.draft and not capabilities.draft:
        message = f"The model {request.model} makes no drafts: there is no work that it could leave out."
        yield Problem(field="draft", message=message, hint="Make a final clip, or choose another model.")
    if request.shortcut and not request.draft:
        message = f"The way {request.shortcut} leaves work out, and a final clip leaves out none."
        yield Problem(field="shortcut", message=message, hint="Ask for a draft, or leave the way open.")


def _prompt_problems(request: GenerationRequest, capabilities: Capabilities) -> Iterable[Problem]:
    if request.prompt.strip() and not capabilities.prompt:
        message = f"The model {request.model} takes no words, so the prompt would change nothing."
        yield Problem(field="prompt", message=message, hint="Leave it empty, or choose a model that reads.")
    if not request.prompt.strip() and capabilities.prompt:
        yield Problem(field="prompt", message="The prompt is empty.", hint="Say what the clip shows.")
    for name in ("prompt", "negative_prompt"):
        length = len(getattr(request, name))
        if length > MAX_PROMPT_CHARS:
            what = name.replace("_", " ")
            message = f"The {what} has {length:,} characters; {MAX_PROMPT_CHARS:,} are the most."
            yield Problem(field=name, message=message, hint="Shorten it.")
    if request.negative_prompt.strip() and not capabilities.negative_prompt:
        message = f"The model {request.model} takes no negative prompt."
        yield Problem(field="negative_prompt", message=message, hint="Leave it empty.")


def _grid_problems(request: GenerationRequest, grid: FrameGrid) -> Iterable[Problem]:
    width, height = request.width, request.height
    sides_fit = all(grid.min_side <= s <= grid.max_side and s % grid.size_multiple == 0 for s in (width, height))
    if not sides_fit or width * height > grid.max_pixels:
        near = "x".join(map(str, grid.snap_size(width, height)))
        message = (
            f"{width}x{height} is not a size this model makes: sides are multiples of {grid.size_multiple} "
            f"from {grid.min_side} to {grid.max_side}, at most {grid.max_pixels:,} pixels."
        )
        yield Problem(field="size", message=message, hint=f"The nearest is {near}.")
    if grid.snap_frames(request.num_frames) != request.num_frames:
        message = (
            f"{request.num_frames} frames is not a length this model makes: "
            f"1 + a multiple of {grid.frames_multiple}, at most {grid.max_frames}."
        )
        yield Problem(
            field="num_frames", message=message, hint=f"The nearest is {grid.snap_frames(request.num_frames)}."
        )
    if not grid.fps.holds(request.fps):
        yield _outside("fps", request.fps, grid.fps)


def _number_problems(request: GenerationRequest, capabilities: Capabilities) -> Iterable[Problem]:
    if not 0 <= request.seed <= MAX_SEED:
        yield Problem(field="seed", message=f"The seed {request.seed} is outside 0 to {MAX_SEED}.", hint="Roll one.")
    if not capabilities.steps.holds(request.steps):
        yield _outside("steps", request.steps, capabilities.steps)
    if not capabilities.guidance.holds(request.guidance):
        yield _outside("guidance", request.guidance, capabilities.guidance)


def _outside(name: str, value: float, allowed: Range) -> Problem:
    message = f"{name} {value:g} is outside {allowed.low:g} to {allowed.high:g}."
    return Problem(field=name, message=message, hint=f"{allowed.default:g} is a good start.")


def _conditioning_problems(request: GenerationRequest, capabilities: Capabilities) -> Iterable[Problem]:
    kinds = [part.kind for part in request.conditioning]
    for kind in sorted(kind for kind in set(kinds) if not capabilities.takes(kind)):
        message = f"The model {request.model} takes no {kind.replace('_', ' ')}. {capabilities.why_not(kind)}"
        yield Problem(field=kind, message=message, hint="Choose another model.")
    for kind in sorted(capabilities.needs.difference(kinds)):
        what = kind.replace("_", " ")
        yield Problem(field=kind, message=f"The model {request.model} needs a {what}.", hint="Add it.")
    for once in (StartImage.kind, EndImage.kind, SourceClip.kind, MaskClip.kind, ExtendClip.kind):
        if kinds.count(once) > 1:
            what = once.replace("_", " ")
            yield Problem(field=once, message=f"There is more than one {what}.", hint="Keep one.")
    if kinds.count(ControlClip.kind) > max(1, capabilities.max_controls):
        most = f"The model {request.model} follows {capabilities.max_controls} at once"
        message = f"There are {kinds.count(ControlClip.kind)} control clips. {most}."
        yield Problem(field=ControlClip.kind, message=message, hint="Remove some, or choose another model.")
    if MaskClip.kind in kinds and SourceClip.kind not in kinds:
        yield Problem(field="mask_clip", message="A mask needs a source clip.", hint="Add the clip it belongs to.")
    yield from _span_problems(request, capabilities)
    for part in request.conditioning:
        if isinstance(part, KeyImage) and not 0 <= part.frame < request.num_frames:
            message = f"A key picture is set at frame {part.frame}; the clip has {request.num_frames} frames."
            yield Problem(field="key_image", message=message, hint="Move it into the clip.")
        if isinstance(part, ExtendClip):
            yield from _extension_problems(part, request)
        if isinstance(part, ControlClip) and capabilities.controls and part.control not in capabilities.controls:
            known = ", ".join(sorted(capabilities.controls))
            message = f"The model {request.model} was not trained to follow {part.control}; it knows {known}."
            yield Problem(field="control_clip", message=message, hint="Choose another kind or another model.")
        if isinstance(part, SourceClip) and part.strength != 1.0:
            yield from _restyle_problems(part, request, capabilities)
        if isinstance(part, ControlClip) and not 0 <= part.strength <= MAX_STRENGTH:
            message = f"The strength {part.strength:g} of a control clip is outside 0 to {MAX_STRENGTH:g}."
            yield Problem(field="control_clip", message=message, hint="1 follows it as it is.")


def _span_problems(request: GenerationRequest, capabilities: Capabilities) -> Iterable[Problem]:
    """Control clips may count for a part of the steps where they are all that the model is given, and go together."""
    spans = {(part.start, part.end) for part in request.conditioning if isinstance(part, ControlClip)}
    if spans <= {(0.0, 1.0)}:
        return
    alone = all(isinstance(part, ControlClip) for part in request.conditioning)
    whole = "Let it count from 0 to 1."
    found = (
        (not capabilities.control_span, f"In the model {request.model} a control clip counts for all steps.", whole),
        (any(not 0 <= low < high <= 1 for low, high in spans), "A control clip ends before it begins.", whole),
        (len(spans) > 1, "Control clips of one clip begin and end together.", "Give them the same part of the steps."),
        (not alone, "What begins and ends with the control clips would be forgotten, too.", whole),
    )
    yield from (Problem(field=ControlClip.kind, message=text, hint=hint) for wrong, text, hint in found if wrong)


def _restyle_problems(part: SourceClip, request: GenerationRequest, capabilities: Capabilities) -> Iterable[Problem]:
    if not 0.0 < part.strength <= 1.0:
        message = f"The strength {part.strength:g} of the source clip is outside 0 to 1."
        yield Problem(field=part.kind, message=message, hint="0.6 keeps the motion and changes the style.")
    if not capabilities.restyles:
        message = f"The model {request.model} cannot begin from a clip to restyle it."
        yield Problem(field=part.kind, message=message, hint="Leave the strength at 1, or choose another model.")
    given = {type(other) for other in request.conditioning}
    for other in (MaskClip, ReferenceImage, ExtendClip):
        if other in given:
            what = other.kind.replace("_", " ")
            message = f"A clip that is restyled as a whole and a {what} do not go together."
            yield Problem(field=part.kind, message=message, hint=f"Remove the {what}, or set the strength to 1.")


def _extension_problems(part: ExtendClip, request: GenerationRequest) -> Iterable[Problem]:
    if not 1 <= part.keep < request.num_frames:
        message = f"{part.keep} frames of the clip are kept of {request.num_frames} that are made: none would be new."
        hint = "Keep at least one and fewer than the length, or make the length longer."
        yield Problem(field="extend_clip", message=message, hint=hint)
    given = {type(other) for other in request.conditioning}
    at_seam = StartImage if part.way == "forward" else EndImage
    for other in (SourceClip, at_seam):
        if other in given:
            what = other.kind.replace("_", " ")
            message = f"The clip that is extended and the {what} would stand at the same frames."
            yield Problem(field="extend_clip", message=message, hint=f"Remove the {what}.")
