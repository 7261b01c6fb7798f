"""A copy of the project history, made before it is changed."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

KEPT = 5


def back_up(connection: sqlite3.Connection, backups: Path, version: str) -> Path:
    """Copy an open database into `backups`, keep the last five copies, and return the new one's path."""
    backups.mkdir(parents=True, exist_ok=True)
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    target = backups / f"gimbal-{stamp}-{time.time_ns() % 10**9:09d}-v{version}.sqlite3"
    part = target.with_suffix(".part")
    with closing(sqlite3.connect(part)) as copy:
        connection.backup(copy)
    os.replace(part, target)
    for old in sorted(backups.glob("gimbal-*.sqlite3"))[:-KEPT]:
        old.unlink(missing_ok=True)
    return target
