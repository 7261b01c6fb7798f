"""What a model can do in each tab, in words: read off the tabs' own controls, so that both say the same."""

from __future__ import annotations

from typing import Any

from pipelines.families.family import ModelCard
from studio.ui.tabs import TABS
from studio.ui.tabs.tab import Tab


def abilities(card: ModelCard) -> list[dict[str, Any]]:
    """For each tab: why the model makes nothing there (empty = it does), and what it does not take there."""
    return [{"tab": tab.name, "title": tab.title, "why": why_not(tab, card), "lacks": lacks(tab, card)} for tab in TABS]


def why_not(tab: Tab, card: ModelCard) -> str:
    """Why a model can make nothing in a tab: a sentence, empty where it can."""
    own = tab.specs(card)
    if own and all(spec.reason for spec in own):
        return own[0].reason
    missing = sorted(card.capabilities.needs.difference(tab.control_of))
    if missing:
        what = " and ".join(f"{'an' if kind[0] in 'aeiou' else 'a'} {kind.replace('_', ' ')}" for kind in missing)
        where = " or ".join(other.title for other in TABS if set(missing) <= set(other.control_of))
        return f"It makes nothing without {what}{f', which the tab {where} takes' if where else ''}."
    return tab.why_not(card)


def lacks(tab: Tab, card: ModelCard) -> list[str]:
    """What of a tab's own controls is greyed for a model that can make something there."""
    if why_not(tab, card):
        return []
    unsure = ["Whether subjects can be trained on it is known once it is here."] if _is_unsure(tab, card) else []
    return [f"{spec.label}: {spec.reason}" for spec in tab.specs(card) if spec.reason] + unsure


def _is_unsure(tab: Tab, card: ModelCard) -> bool:
    return tab.name == "subject" and not card.is_here and "reference_image" not in card.capabilities.conditionings
