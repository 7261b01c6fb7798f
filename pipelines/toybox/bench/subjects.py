"""Subjects that no mixture of the everyday world holds, their pictures, and how much of them is in a clip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from pipelines.toybox.codec import encode_moments
from pipelines.toybox.judge import Clips
from pipelines.toybox.likeness import Encoder, describe, threshold
from pipelines.toybox.places import alone
from pipelines.toybox.render import render
from pipelines.toybox.scene import GROUNDS, SKIES, Scene


@dataclass(frozen=True)
class Subject:
    """A thing to be learned, and the word of the model's own for its kind."""

    token: str
    shape: str
    pattern: str
    colour: str

    @property
    def class_word(self) -> str:
        return self.shape


SUBJECTS = (
    Subject("<spot-ball>", "ball", "checkered", "purple"),
    Subject("<stripe-box>", "cube", "striped", "orange"),
    Subject("<gray-cone>", "cone", "striped", "gray"),
    Subject("<brown-pillar>", "pillar", "checkered", "brown"),
    Subject("<tiger-ball>", "ball", "striped", "orange"),
)
"""Colours and patterns that the everyday mixture never shows."""


@dataclass(frozen=True)
class Asked:
    """A prompt with "{}" where the subject or its class word goes, and what it says besides."""

    text: str
    facts: dict[str, str]


PROMPTS = (
    Asked("{} on sand at sunset, static camera", {"ground": "sand", "sky": "sunset", "camera": "static"}),
    Asked("{} on grass under a clear sky, static camera", {"ground": "grass", "sky": "day", "camera": "static"}),
    Asked("{} on snow at night, the camera pushes in", {"ground": "snow", "sky": "night", "camera": "dolly in"}),
    Asked("{} on tiles under an overcast sky, the camera pans left",
          {"ground": "tiles", "sky": "overcast", "camera": "pan left"}),
    Asked("{} on water on a sunny day, static camera", {"ground": "water", "sky": "day", "camera": "static"}),
    Asked("{} on wood at sunset, the camera pulls out", {"ground": "wood", "sky": "sunset", "camera": "dolly out"}),
)  # fmt: skip


def scenes(subject: Subject, count: int, seed: int) -> list[Scene]:
    """Scenes of the subject in different places, the camera still."""
    rng = np.random.default_rng(seed)
    made = []
    for place in range(count):
        scene = alone(rng)
        thing = replace(scene.objects[0], shape=subject.shape, pattern=subject.pattern, colour=subject.colour)
        ground, sky = GROUNDS[(place + seed) % len(GROUNDS)], SKIES[(place + seed) % len(SKIES)]
        made.append(replace(scene, objects=(thing,), ground=ground, sky=sky))
    return made


def pictures(subject: Subject, count: int, seed: int = 11) -> Clips:
    """What a person would give: single frames uint8 (N, H, W, 3) of the subject in different places."""
    frames: Clips = render(scenes(subject, count, seed), num_frames=1).frames[:, 0].numpy()
    return frames


@dataclass(frozen=True)
class Gauge:
    """Says whether clips show a subject. level: the likeness from which they do, set on true renders alone."""

    encoder: Encoder
    wanted: Tensor
    level: float

    def likeness(self, clips: Clips) -> list[float]:
        """-1..1 of clips uint8 (N, T, H, W, 3)."""
        found: list[float] = (describe(self.encoder, clips) @ self.wanted).tolist()
        return found

    def share(self, clips: Clips) -> float:
        """The share of clips that show it."""
        return float(np.mean([value >= self.level for value in self.likeness(clips)])) if len(clips) else 0.0


def gauge(encoder: Encoder, subject: Subject, codec: torch.nn.Module, count: int = 24) -> tuple[Gauge, float, float]:
    """The gauge of a subject, with its ceiling and floor: the shares of true renders of it and of `others` that it
    takes for it, all after the codec. The level is set on one half of them, the shares are of the other."""
    wanted = describe(encoder, pictures(subject, 8)[:, None]).mean(0)
    wanted = wanted / wanted.norm()
    own = through(codec, pictures(subject, count, seed=301))
    near = others(subject, count)
    other = through(codec, np.concatenate([pictures(each, 1, seed=401 + n) for n, each in enumerate(near)]))
    bare = Gauge(encoder, wanted, 0.0)
    level = threshold(bare.likeness(own[::2]), bare.likeness(other[::2]))
    made = replace(bare, level=level)
    return made, made.share(own[1::2]), made.share(other[1::2])


def others(subject: Subject, count: int) -> list[Subject]:
    """Things of its class: plain in everyday colours, plain in its own colour, with its pattern in another colour."""
    everyday = ("red", "yellow", "green", "cyan", "blue", "pink", "white", "black")
    made = []
    for number in range(count):
        colour = everyday[(number // 2) % len(everyday)]
        kinds = (
            replace(subject, pattern="plain", colour=colour),
            replace(subject, pattern="plain"),
            replace(subject, colour=colour),
        )
        made.append(kinds[number // 2 % 3])
    return made


@torch.inference_mode()
def through(codec: torch.nn.Module, frames: Clips) -> Clips:
    """Pictures (N, H, W, 3) as clips (N, 1, H, W, 3) that the codec has coded and decoded."""
    made, dtype = [], next(codec.parameters()).dtype
    for frame in frames:
        pixels = torch.from_numpy(frame).permute(2, 0, 1)[None, :, None].float() / 127.5 - 1.0
        raw = encode_moments(codec, pixels.to(dtype))[0]
        video = codec.decode(raw.to(dtype), return_dict=False)[0].float().clamp(-1, 1)
        made.append(((video[0].permute(1, 2, 3, 0) + 1.0) * 127.5).round().byte().numpy())
    return np.stack(made)


def obeyed(told: Sequence[dict[str, str]], asked: Sequence[Asked]) -> float:
    """The share of what prompts say besides the subject that a judge reads off their clips."""
    right = [read[name] == value for read, wish in zip(told, asked, strict=True) for name, value in wish.facts.items()]
    return float(np.mean(right)) if right else 0.0
