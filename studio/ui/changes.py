"""What became of a form when another model was chosen: one sentence for each wish that had to give way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pipelines.domain.conditioning import EndImage, ExtendClip, KeyImage, StartImage
from pipelines.families.family import ModelCard
from studio.shelf.loras import Kept
from studio.ui import adapters

_NUMBERS = (("num_frames", "Length", " frames"), ("fps", "Frame rate", " fps"), ("steps", "Steps", ""))
_PLACES = ((StartImage.kind, "start", "start picture"), (EndImage.kind, "end", "end picture"))


def told(
    before: Mapping[str, Any], after: Mapping[str, Any], card: ModelCard, shelf: Sequence[Kept]
) -> tuple[str, ...]:
    """What was brought onto the card's grid, and what was let go, with the reason."""
    return (*_numbers(before, after), *_words(before, card), *_pictures(before, card), *_ways(before, card, shelf))


def _numbers(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    old, new = (tuple(values.get("size") or ()) for values in (before, after))
    if old != new and len(old) == len(new) == 2:
        yield f"Size {old[0]} × {old[1]} became {new[0]} × {new[1]}."
    for name, label, unit in (*_NUMBERS, ("guidance", "Prompt strength", "")):
        if before.get(name) != after.get(name) and before.get(name) is not None:
            yield f"{label} {_plain(before[name])} became {_plain(after.get(name))}{unit}."


def _plain(value: Any) -> str:
    return f"{value:g}" if isinstance(value, int | float) else str(value)


def _words(before: Mapping[str, Any], card: ModelCard) -> Iterator[str]:
    can = card.capabilities
    if str(before.get("prompt") or "").strip() and not can.prompt:
        yield f"The prompt is let go: {card.title} takes no words."
    if str(before.get("negative_prompt") or "").strip() and not can.negative_prompt:
        yield f"Avoid is let go: {card.title} takes no negative prompt."


def _pictures(before: Mapping[str, Any], card: ModelCard) -> Iterator[str]:
    can, held = card.capabilities, before.get("pictures")
    held = held if isinstance(held, dict) else {}
    for kind, place, label in (*_PLACES, (KeyImage.kind, "keys", "key pictures")):
        if held.get(place) and not can.takes(kind):
            yield f"The {label} {'are' if place == 'keys' else 'is'} let go. {can.why_not(kind)}"
    clip = before.get("extension")
    if isinstance(clip, dict) and clip.get("media") and not can.takes(ExtendClip.kind):
        yield f"The clip to go on from is let go. {can.why_not(ExtendClip.kind)}"
    sketch = before.get("camera")
    if isinstance(sketch, dict) and sketch.get("picture") and not can.takes(StartImage.kind):
        from studio.camera.compile import takes_pictures

        if not takes_pictures(can):
            yield f"The picture of the camera move is let go. {can.why_not(StartImage.kind)}"


def _ways(before: Mapping[str, Any], card: ModelCard, shelf: Sequence[Kept]) -> Iterator[str]:
    if before.get("draft") is True and not card.capabilities.draft:
        yield f"It will be a final clip: {card.title} makes no drafts."
    yield from adapters.fitted(before, card, shelf)[1]
