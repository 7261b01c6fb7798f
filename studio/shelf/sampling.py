"""The sample of a LoRA: one clip with the same seed and the same words each time, so that samples can be compared."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from pipelines.domain.adapters import AdapterUse
from pipelines.domain.errors import GimbalError
from pipelines.families.family import ModelCard
from pipelines.models.lora_keys import fits
from projects_db.records import JobRow
from studio.shelf.loras import Kept

if TYPE_CHECKING:
    from studio.studio import Studio

SEED = 0


def sample(studio: Studio, digest: str, model: str, project_id: str) -> JobRow:
    """Queue the sample of a LoRA, on `model` where that can wear it. Raises NotFound, InvalidRequest, GimbalError."""
    from studio.studio import default_request

    kept = studio.loras.one(digest)
    card = _wearer(studio, kept, model)
    example = card.examples[0] if card.examples else "a street in the rain"
    request = default_request(card, ", ".join((example, *kept.words)))
    use = AdapterUse(digest=digest, name=kept.lora.name, strength=kept.note.strength)
    (job,) = studio.queue.submit(project_id, dataclasses.replace(request, seed=SEED, adapters=(use,)))
    studio.loras.sampled(digest, job.id)
    return job


def _wearer(studio: Studio, kept: Kept, model: str) -> ModelCard:
    """The model for the sample: the wished one first; none that makes nothing of words alone."""
    cards = sorted(studio.catalog.cards(), key=lambda card: card.id != model)
    able = [card for card in cards if not fits(kept.lora.facts, card)]
    if not able:
        message = f"The LoRA {kept.lora.name} was made for {kept.lora.facts.base}, and no model here can wear it."
        raise GimbalError(message, "Fetch or add such a model first.")
    for card in able:
        if card.capabilities.prompt and not card.capabilities.needs:
            return card
    message = f"{able[0].title} makes nothing of words alone, so there is no sample of {kept.lora.name} by itself."
    raise GimbalError(message, "Use it in the form, with a picture.")
