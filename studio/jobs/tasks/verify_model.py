"""Compare what was fetched with the hashes it came with: every file is read, which takes minutes for large models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from studio.jobs.tasks import BesideContext
from studio.shelf.fetching import FetchSpec, fetched_folder

NAME = "verify_model"


def check(spec_json: str) -> None:
    """Raises InvalidRequest for what names no model."""
    FetchSpec.from_json(spec_json)


def do(context: BesideContext) -> Mapping[str, Any]:
    """The files that are not as they came, in `wrong`."""
    from pipelines.models.fetch import verify

    spec = FetchSpec.from_json(context.spec_json)
    folder = fetched_folder(spec.model, context.settings, context.home)
    context.report("checking")
    wrong = verify(folder, lambda done, total: context.report("checking", done, total))
    return {"model": spec.model, "wrong": list(wrong)}
