"""LoRA files that change a model for one clip, named by their content so that a clip made again uses the very same."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

from pipelines.domain.errors import Problem

MAX_ADAPTERS = 4
MAX_ADAPTER_STRENGTH = 2.0
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True)
class AdapterUse:
    """One LoRA of a request. digest: SHA-256 of its file, which alone decides what is used. name: for people to read.

    strength: -2 to 2; 1 = as trained, below 0 = the opposite of what it was trained for.
    """

    digest: str
    name: str = ""
    strength: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "strength", float(self.strength))


def adapter_problems(uses: tuple[AdapterUse, ...], takes_them: bool) -> Iterable[Problem]:
    """What is wrong with the LoRA of a request."""
    if not uses:
        return
    if not takes_them:
        message = "This model takes no LoRA."
        yield Problem(field="adapters", message=message, hint="Remove it, or choose another model.")
    if len(uses) > MAX_ADAPTERS:
        message = f"{len(uses)} LoRA are too many at once; {MAX_ADAPTERS} are the most."
        yield Problem(field="adapters", message=message, hint="Remove some.")
    if len({use.digest for use in uses}) < len(uses):
        yield Problem(field="adapters", message="A LoRA is named twice.", hint="Name it once, with one strength.")
    for use in uses:
        what = use.name or use.digest[:8]
        if not _DIGEST.fullmatch(use.digest):
            message = f"The LoRA {what} is named by something that is no content hash."
            yield Problem(field="adapters", message=message, hint="Choose it from the list.")
        if not (math.isfinite(use.strength) and abs(use.strength) <= MAX_ADAPTER_STRENGTH):
            message = f"The strength {use.strength:g} of the LoRA {what} is outside -2 to 2."
            yield Problem(field="adapters", message=message, hint="1 is as it was trained.")
