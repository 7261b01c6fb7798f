"""Search over prompts: what a person types becomes one full-text MATCH that also carries the filters."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TypedDict

from sqlalchemy import Connection, column, literal_column, select, table

from pipelines.domain.errors import GimbalError
from projects_db.records import ClipRow, Page, storable
from projects_db.schema import clips, columns_of

_index = table("clip_search", column("rowid"))
_MATCHES = literal_column("clip_search").op("MATCH")
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
_MOST_WORDS = 32
_MOST_CLIPS = 1000
_USUAL_LIMIT = 60


class Filters(TypedDict, total=False):
    """Which clips, besides the words: `deleted` asks for the trash, `cursor` is the one of the page before."""

    project_id: str | None
    model: str | None
    min_rating: int
    deleted: bool
    limit: int
    cursor: str | None


def find(connection: Connection, text: str, filters: Filters) -> Page:
    """A page of clips, newest first. Raises GimbalError for a cursor that no page gave out."""
    limit = max(1, min(filters.get("limit", _USUAL_LIMIT), _MOST_CLIPS))
    words, pieces = _split(storable(text))
    cursor = filters.get("cursor")
    query = (
        select(*columns_of(clips, ClipRow), clips.c.number)
        .select_from(_index.join(clips, clips.c.number == _index.c.rowid))
        .where(_MATCHES(_expression(filters, words)))
        .order_by(_index.c.rowid.desc())
        .limit(limit + 1)
    )
    for piece in pieces:
        query = query.where(clips.c.prompt.contains(piece, autoescape=True))
    if cursor is not None:
        query = query.where(_index.c.rowid < _number(cursor))
    found = [row._asdict() for row in connection.execute(query).all()]
    numbers = [row.pop("number") for row in found]
    more = len(found) > limit
    return Page(clips=tuple(ClipRow(**row) for row in found[:limit]), cursor=str(numbers[limit - 1]) if more else None)


def _split(text: str) -> tuple[list[str], list[str]]:
    """Words for the index, and pieces that it cannot find: writing without spaces, or signs alone."""
    found = re.findall(r"\w+", text)[:_MOST_WORDS]
    pieces = [word for word in found if _UNSPACED.search(word)]
    words = [word for word in found if not _UNSPACED.search(word) and word.strip("_")]
    if not words and not pieces and text.strip():
        pieces = [text.strip()]
    return words, pieces


def _expression(filters: Filters, words: Sequence[str]) -> str:
    """An FTS5 query. Every word stands in quotes, so nothing a person types is read as an operator."""
    tags = " AND ".join(f'"{tag}"' for tag in _tags(filters))
    prompt = " AND ".join(f'"{word}" *' for word in words)
    return f"tags : ({tags})" + (f" AND prompt : ({prompt})" if words else "")


def _tags(filters: Filters) -> Iterator[str]:
    yield "gone" if filters.get("deleted", False) else "live"
    project_id, model, min_rating = filters.get("project_id"), filters.get("model"), filters.get("min_rating", 0)
    if project_id is not None:
        yield "p" + "".join(re.findall("[0-9a-z]+", project_id))
    if model is not None:
        yield "m" + storable(model).encode().hex()
    if min_rating > 0:
        yield f"r{min(min_rating, 5)}"


def _number(cursor: str) -> int:
    if not re.fullmatch(r"[0-9]{1,19}", cursor):
        raise GimbalError("This page of the library is not known.", "Reload the library.")
    return int(cursor)
