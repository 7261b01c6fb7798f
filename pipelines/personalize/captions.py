"""What is said of each picture: the token, the class word, and what is not the subject.

Whatever a caption names is left to the words; what it does not name goes into the token. A first caption is written
with the place where that can be told (`pipelines.personalize.places`), else it is the bare one; people edit them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from pipelines.domain.capabilities import Capabilities

PLACES = ("on grass", "on sand", "on snow", "on a tiled floor", "on a wooden floor", "on water")
SKIES = ("under a clear sky", "at sunset", "at night", "under an overcast sky")
STILL = "static camera"
MOVES = ("the camera pushes in", "the camera pans left", "the camera pulls out", "the camera pans right")
MAX_CAPTION = 500


def first_caption(token: str, class_word: str, able: Capabilities, *, place: str = "", is_clip: bool = False) -> str:
    """The caption a picture begins with, with the `place` it was taken at where that is known.

    A picture is held still, and models of camera moves are told so.
    """
    still = f", {STILL}" if knows(able, STILL) and not is_clip else ""
    return f"a {token} {class_word} {place}".strip() + still


def class_prompts(class_word: str, able: Capabilities, captions: Sequence[str], token: str) -> tuple[str, ...]:
    """Prompts of the class without the subject: what the class must stay like while the subject is learned."""
    ending = f", {STILL}" if knows(able, STILL) else ""
    moves = [f", {move}" for move in (STILL, *MOVES) if knows(able, move)] or [""]
    known = [place for place in PLACES if knows(able, place)] if able.vocabulary else []
    skies = [sky for sky in SKIES if knows(able, sky)] if able.vocabulary else []
    made = [f"a {class_word} {place} {skies[n % len(skies)] if skies else ''}".strip() + moves[n % len(moves)]
            for n, place in enumerate(known)]  # fmt: skip
    plain = [re.sub(r"\s+", " ", caption.replace(token, "")).strip() for caption in captions]
    return tuple(dict.fromkeys((*made, *plain, f"a {class_word}{ending}")))


def sample_prompts(token: str, class_word: str, able: Capabilities) -> tuple[str, ...]:
    """What is shown while it trains: the subject in places that say nothing of its own pictures."""
    if able.vocabulary and knows(able, PLACES[1]) and knows(able, SKIES[1]):
        return (
            f"a {token} {class_word} {PLACES[1]} {SKIES[1]}, {STILL}",
            f"a {token} {class_word} {PLACES[0]} {SKIES[0]}, {STILL}",
        )
    return (f"a {token} {class_word} on a beach at sunset", f"a {token} {class_word} in a city street")


def caption_problem(caption: str, token: str) -> str:
    """What is wrong with an edited caption, "" where nothing is."""
    if token not in caption:
        return f"The caption does not hold {token}."
    if len(caption) > MAX_CAPTION:
        return f"The caption has {len(caption)} characters; {MAX_CAPTION} are the most."
    return ""


def knows(able: Capabilities, phrase: str) -> bool:
    """Whether a model has seen every word of a phrase; one that names no vocabulary takes them all."""
    words: Collection[str] = re.findall(r"[a-z]+", phrase)
    return not able.vocabulary or all(word in able.vocabulary for word in words)
