"""The words that call up what a LoRA learned, as its trainer wrote them into the file's metadata."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from safetensors import SafetensorError, safe_open

MOST_WORDS = 6
_MOST_CHARS = 80
_SAID = ("modelspec.trigger_phrase", "trigger_words", "trigger_phrase", "trigger_word", "trigger", "instance_prompt")
_COUNTED = "ss_tag_frequency"  # kohya: {folder of pictures: {tag: how often}}
_TITLES = ("modelspec.title", "ss_output_name")


def trigger_words(path: Path) -> tuple[str, ...]:
    """At most MOST_WORDS words or phrases, as they stand in the file; () where it names none or cannot be read."""
    told = _metadata(path)
    said = [word for name in _SAID for word in _split(told.get(name, ""))]
    return tuple(dict.fromkeys(said or _most_frequent(told.get(_COUNTED, ""))))[:MOST_WORDS]


def title_of(path: Path) -> str:
    """What its maker called it; empty where the file does not tell."""
    told = _metadata(path)
    return next((title for name in _TITLES if (title := _plain(told.get(name, "")))), "")


def _metadata(path: Path) -> Mapping[str, str]:
    try:
        with safe_open(path, framework="numpy") as file:
            return file.metadata() or {}
    except (OSError, SafetensorError):
        return {}


def _split(text: str) -> Iterator[str]:
    """The phrases of a list in JSON, or of a text with commas."""
    try:
        raw = json.loads(text)
    except (ValueError, RecursionError):
        raw = text
    for part in raw if isinstance(raw, list) else str(raw).split(","):
        if word := _plain(str(part)):
            yield word


def _most_frequent(text: str) -> list[str]:
    """The tags that stand at the most pictures: what all have in common is what was taught."""
    try:
        folders = json.loads(text).values()
        counts = [(int(count), _plain(str(tag))) for folder in folders for tag, count in folder.items()]
    except (AttributeError, RecursionError, TypeError, ValueError):
        return []
    most = max((count for count, _ in counts), default=0)
    return sorted(tag for count, tag in counts if tag and count == most)[:MOST_WORDS]


def _plain(text: str) -> str:
    """One line of printable characters."""
    return re.sub(r"\s+", " ", "".join(c for c in text if c.isprintable() or c.isspace())).strip()[:_MOST_CHARS]
