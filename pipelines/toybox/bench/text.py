"""Does a clip show what its words ask for? Each attribute on the clips that it applies to, and all of them together."""

from collections.abc import Sequence

import numpy as np

from pipelines.toybox.judge import NONE, SLOTS, Facts

ATTRIBUTES = ("colour", "shape", "count", "ground", "sky", "motion", "relation", "camera", "action", "outfit")
PARTS = ("colour", "shape", "pattern", "motion")


def verdicts(asked: Facts, seen: Facts) -> dict[str, bool]:
    """Whether each attribute that applies is as asked, and "together".

    Colours, shapes and motions are those of all things in any order; that each has its own is left to "together". A
    relation is right where its kind is and the things are not exchanged.
    """
    count = int(asked["count"])
    found = {name: asked[name] == seen[name] for name in ("count", "ground", "sky", "camera")}
    if count:
        found |= {name: _all(asked, name) == _all(seen, name) for name in ("colour", "shape", "motion")}
    if count > 1:
        found["relation"] = asked["relation"] == seen["relation"] and not _exchanged(asked, seen)
    if asked["action"] != NONE:
        found["action"] = asked["action"] == seen["action"]
        found["outfit"] = all(asked[name] == seen[name] for name in ("shirt", "trousers"))
    each = all(_thing(asked, slot) == _thing(seen, slot) for slot in SLOTS[:count])
    return found | {"together": all(found.values()) and each}


def _all(told: Facts, name: str) -> list[str]:
    return sorted(told[f"{slot}{name}"] for slot in SLOTS if told[f"{slot}{name}"] != NONE)


def _thing(told: Facts, slot: str) -> tuple[str, ...]:
    return tuple(told[f"{slot}{name}"] for name in PARTS)


def _exchanged(asked: Facts, seen: Facts) -> bool:
    """Whether the first two things look more like each other's descriptions than like their own."""
    straight = _alike(asked, seen, SLOTS[:2])
    return _alike(asked, seen, SLOTS[1::-1]) > straight


def _alike(asked: Facts, seen: Facts, order: Sequence[str]) -> int:
    names = ("colour", "shape")
    return sum(asked[f"{a}{n}"] == seen[f"{b}{n}"] for a, b in zip(SLOTS[:2], order, strict=True) for n in names)


def shares(asked: Sequence[Facts], seen: Sequence[Facts]) -> dict[str, float]:
    """Share of clips in which each attribute is as asked, of those it applies to; without those that never do."""
    each = [verdicts(a, s) for a, s in zip(asked, seen, strict=True)]
    names = (*ATTRIBUTES, "together")
    known = {name: [verdict[name] for verdict in each if name in verdict] for name in names}
    return {name: float(np.mean(found)) for name, found in known.items() if found}
