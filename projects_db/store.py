"""What the parts of the repository share: the connections, and a few questions every part asks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection, Row

from projects_db.connection import Connections
from projects_db.records import NotFound

_BATCH = 500
_Record = TypeVar("_Record")
_Item = TypeVar("_Item")


class Store(Protocol):
    """One part of the repository: methods over the shared connections."""

    _connections: Connections


def record(kind: type[_Record], row: Row[*tuple[Any, ...]] | None, what: str) -> _Record:
    """A row as a record; NotFound where there is none."""
    if row is None:
        raise NotFound(f"There is no such {what} any more.", "Reload the page, or look at the list again.")
    return kind(**row._asdict())


def batches(items: Iterable[_Item], size: int = _BATCH) -> Iterator[list[_Item]]:
    """Lists of at most `size` items, since SQLite limits the values of one statement."""
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch


def scalar(connection: Connection, statement: Any) -> Any:
    """The single value of a query, None where it has no row."""
    return connection.execute(statement).scalar()
