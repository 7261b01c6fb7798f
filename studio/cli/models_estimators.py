"""The estimators among the models: which are here, and which can be fetched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from studio.cli.console import Console

if TYPE_CHECKING:
    from studio.home import Home


def listed(home: Home, console: Console) -> list[dict[str, Any]]:
    """Say them in a table, and return them as plain values."""
    from pipelines.conditioning.published import published
    from studio.structure import choices, estimator_folders

    away = [one for one in published(home.estimators) if not one.folder.exists()]
    here = choices(estimator_folders(home))
    console.say("\nEstimators, which read structure off clips; `launch.py models pull NAME` fetches one:")
    rows = [(one.id, one.title, one.control, "here" if one.available else one.why_not, "") for one in here]
    rows += [(one.id, one.title, one.kind, f"{one.source.download_bytes / 1e6:.0f} MB", one.licence) for one in away]
    console.table(("estimator", "title", "reads", "state or download", "licence"), rows)
    told = [{"id": one.id, "title": one.title, "reads": one.control, "why_not": one.why_not} for one in here]
    return told + [
        {"id": one.id, "title": one.title, "reads": one.kind, "licence": one.licence,
         "non_commercial": one.source.non_commercial, "download_bytes": one.source.download_bytes,
         "repository": one.source.repository}
        for one in away
    ]  # fmt: skip
