"""A plan as words: `orbit left 90 and zoom in 1.5 then static`.

A step is NAME [DIRECTION] [AMOUNT] [EASING] [seed N]. The amount may carry its unit (90deg, 2m, 1.5x) or be "quarter",
"half" or "full" of a circle. "then" puts parts of equal duration one after the other, "and" lets moves run at once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from pipelines.domain.camera.moves import MOVES, Move, Unit, move_named
from pipelines.domain.camera.path import EASINGS, CameraPath, Easing
from pipelines.domain.camera.plan import Plan, Step, build
from pipelines.domain.camera.rig import START, Start
from pipelines.domain.errors import InvalidRequest, Problem

MAX_CHARS = 1000
MAX_SEED = 2**32 - 1
_UNITS: Mapping[str, Unit] = MappingProxyType({
    "": "", "deg": "degrees", "degrees": "degrees", "°": "degrees", "m": "metres", "metres": "metres",
    "meters": "metres", "x": "times", "times": "times",
})  # fmt: skip
_CIRCLE: Mapping[str, float] = MappingProxyType({"quarter": 90.0, "half": 180.0, "full": 360.0})
_ALIASES: Mapping[str, str] = MappingProxyType({
    "still": "static", "hold": "static", "track": "truck", "boom": "pedestal", "jib": "crane", "vertigo": "dolly-zoom",
})  # fmt: skip
_AMOUNT = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,6})?)([a-z°]*)")


def path_from_text(text: str, start: Start = START) -> CameraPath:
    """The path that the words mean. Raises InvalidRequest that names the word it does not understand."""
    return build(parse(text), start)


def parse(text: str) -> Plan:
    """The plan that the words mean. Raises InvalidRequest that names the word it does not understand."""
    if len(text) > MAX_CHARS:
        raise _refuse(f"The camera move has more than {MAX_CHARS:,} characters.", "Shorten it.")
    words = text.lower().split()
    return tuple(tuple(_Words(step).step() for step in _split(part, "and")) for part in _split(words, "then"))


def text_of(plan: Plan) -> str:
    """The words of a plan, which `parse` reads back as the same plan."""
    return " then ".join(" and ".join(_step_text(step) for step in part) for part in plan)


def _split(words: list[str], at: str) -> list[list[str]]:
    parts: list[list[str]] = [[]]
    for word in words:
        parts.append([]) if word == at else parts[-1].append(word)
    return parts


class _Words:
    """The words of one step, read from the front."""

    def __init__(self, words: list[str]) -> None:
        self.words = list(words)

    def step(self) -> Step:
        move = self._move()
        direction = self._direction(move)
        amount = self._amount(move)
        easing = self._easing()
        seed = self._seed()
        if self.words:
            word = self.words[0]
            raise _refuse(f"“{word[:40]}” says nothing after {move.name}.", _usage(move))
        return Step(move=move, direction=direction, amount=amount, easing=easing, seed=seed)

    def _move(self) -> Move:
        pair, one = "-".join(self.words[:2]), self.words[0] if self.words else ""
        move = move_named(pair) if len(self.words) > 1 else None
        used = 2 if move else 1
        move = move or move_named(_ALIASES.get(one, one))
        if move is None:
            message = f"There is no camera move “{one[:40]}”." if one else "A camera move is missing."
            raise _refuse(message, f"Known are {', '.join(move.name for move in MOVES)}.")
        del self.words[:used]
        return move

    def _direction(self, move: Move) -> str:
        if self.words and self.words[0] in move.directions:
            return self.words.pop(0)
        return move.directions[0] if move.directions else ""

    def _amount(self, move: Move) -> float:
        if not self.words:
            return move.default
        if self.words[0] in _CIRCLE and move.unit == "degrees":
            return _bounded(move, _CIRCLE[self.words.pop(0)])
        found = _AMOUNT.fullmatch(self.words[0])
        if not found:
            return move.default
        word = self.words.pop(0)
        if self.words and self.words[0] in _UNITS and not found[2]:
            found = _AMOUNT.fullmatch(f"{found[1]}{self.words.pop(0)}")
        unit = _UNITS.get(found[2]) if found else None
        if not found or unit is None or unit not in ("", move.unit) or not move.unit:
            raise _refuse(f"“{word[:40]}” is no amount of {move.name}.", _usage(move))
        return _bounded(move, float(found[1]))

    def _easing(self) -> Easing:
        for easing in EASINGS:
            words = easing.split()
            if self.words[: len(words)] == words:
                del self.words[: len(words)]
                return easing
        return "constant"

    def _seed(self) -> int:
        if not self.words or self.words[0] != "seed":
            return 0
        number = self.words[1] if len(self.words) > 1 else ""
        if not re.fullmatch("[0-9]{1,10}", number) or int(number) > MAX_SEED:
            raise _refuse("After “seed” comes a whole number.", f"It is 0 to {MAX_SEED}.")
        del self.words[:2]
        return int(number)


def _bounded(move: Move, amount: float) -> float:
    if not move.low <= amount <= move.high:
        raise _refuse(f"{move.name} {amount:g} is outside {move.low:g} to {move.high:g} {move.unit}.", _usage(move))
    return amount


def _usage(move: Move) -> str:
    directions = f" {'|'.join(move.directions)}" if move.directions else ""
    amount = f" {move.low:g}..{move.high:g} {move.unit}" if move.unit else ""
    return f"It is written: {move.name}{directions}{amount}."


def _step_text(step: Step) -> str:
    words = [step.move.name, step.direction, f"{step.amount:.6f}".rstrip("0").rstrip(".") if step.move.unit else ""]
    words += ["" if step.easing == "constant" else step.easing, f"seed {step.seed}" if step.seed else ""]
    return " ".join(word for word in words if word)


def _refuse(message: str, hint: str) -> InvalidRequest:
    return InvalidRequest((Problem(field="camera", message=message, hint=hint),))
