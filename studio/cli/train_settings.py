"""`--set NAME=VALUE`: single settings of a training, as the commands that train take them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def changed(values: Mapping[str, Any], said: Sequence[str]) -> dict[str, Any]:
    """Plain values of `personalize.settings` with what was said. Raises InvalidRequest on a name or a value."""
    from pipelines.personalize.settings import from_dict, to_dict
    from studio.cli.making import wrong

    told = dict(values)
    for text in said:
        name, _, value = text.partition("=")
        if name not in told:
            raise wrong("settings", f"There is no setting {name!r}.", f"There are: {', '.join(told)}.")
        told[name] = _read(value, told[name])
    return to_dict(from_dict(told))


def _read(text: str, like: Any) -> Any:
    if isinstance(like, bool):
        return text.lower() in ("1", "true", "yes", "on")
    try:
        return type(like)(text)
    except ValueError:
        return text  # the settings' own reader says what is wrong
