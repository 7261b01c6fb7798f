"""What a clip is conditioned on besides its words: a tagged union of small parts.

Media are named by content: `media` is the SHA-256 (64 lower-case hex digits) of the file that the library keeps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

ControlKind = Literal["depth", "pose", "edges", "scribble", "flow", "grey"]


@dataclass(frozen=True, kw_only=True)
class StartImage:
    """The first frame of the clip."""

    kind: ClassVar[str] = "start_image"
    media: str


@dataclass(frozen=True, kw_only=True)
class EndImage:
    """The last frame of the clip."""

    kind: ClassVar[str] = "end_image"
    media: str


@dataclass(frozen=True, kw_only=True)
class KeyImage:
    """A picture that frame number `frame` (from 0) must show."""

    kind: ClassVar[str] = "key_image"
    media: str
    frame: int


@dataclass(frozen=True, kw_only=True)
class SourceClip:
    """A clip to be changed; where a `MaskClip` is black (or absent) it is kept.

    strength: below 1 its motion is kept and its style changed instead, the more the nearer to 1 (no mask then).
    """

    kind: ClassVar[str] = "source_clip"
    media: str
    strength: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "strength", float(self.strength))


@dataclass(frozen=True, kw_only=True)
class MaskClip:
    """What of the source clip is made anew: white = generate, black = keep; a single picture holds for all frames."""

    kind: ClassVar[str] = "mask_clip"
    media: str


@dataclass(frozen=True, kw_only=True)
class ControlClip:
    """A structure clip the result follows, of the kind `control`, with `strength` in 0..2.

    start, end: shares of the denoising steps between which it counts.
    """

    kind: ClassVar[str] = "control_clip"
    media: str
    control: ControlKind
    strength: float = 1.0
    start: float = 0.0
    end: float = 1.0

    def __post_init__(self) -> None:
        for name in ("strength", "start", "end"):
            object.__setattr__(self, name, float(getattr(self, name)))


@dataclass(frozen=True, kw_only=True)
class ReferenceImage:
    """A picture of a thing that shall appear in the clip."""

    kind: ClassVar[str] = "reference_image"
    media: str


@dataclass(frozen=True, kw_only=True)
class ExtendClip:
    """A clip to go on from, `way` "forward" from its last `keep` frames or "backward" from its first ones.

    The model sees those frames where they belong and makes the rest of `num_frames`; the new frames are then joined to
    the whole clip, each frame once. For every model that takes a source clip.
    """

    kind: ClassVar[str] = "extend_clip"
    media: str
    way: Literal["forward", "backward"] = "forward"
    keep: int = 5


Conditioning = StartImage | EndImage | KeyImage | SourceClip | MaskClip | ControlClip | ReferenceImage | ExtendClip
CONDITIONING_TYPES: tuple[type[Conditioning], ...] = (
    StartImage,
    EndImage,
    KeyImage,
    SourceClip,
    MaskClip,
    ControlClip,
    ReferenceImage,
)
"""What a model can list among its capabilities."""

PART_TYPES: tuple[type[Conditioning], ...] = (*CONDITIONING_TYPES, ExtendClip)
"""What a request can hold."""
