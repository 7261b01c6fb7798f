"""Whether two checkpoints are the same base, told without loading them: a hash of configs, headers and some weights."""

from __future__ import annotations

import hashlib
from pathlib import Path

from pipelines.families.family import ModelCard

_SAMPLE = 2**16
_PARTS = ("text_encoder", "transformer")


def fingerprint(card: ModelCard) -> str:
    """The fingerprint of a card's text encoder and transformer, 16 hex digits.

    Cards that change the same base by a LoRA of their own (few steps) have that base's, so its subjects fit them.
    """
    folder = Path(card.settings.get("base") or card.folder)
    digest = hashlib.sha256()
    for part in _PARTS:
        for file in sorted((folder / part).glob("*.safetensors")):
            size = file.stat().st_size
            digest.update(f"{part}/{file.name}:{size}:".encode())
            with file.open("rb") as reading:
                for place in (0, size // 3, 2 * size // 3, max(0, size - _SAMPLE)):
                    reading.seek(place)
                    digest.update(reading.read(_SAMPLE))
    return digest.hexdigest()[:16]
