"""The file itself: versions, backups, other processes, damage, disks that refuse."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from pipelines.domain.errors import DatabaseError, NewerDatabase, NoSpace, StorageError
from projects_db.connection import connect
from projects_db.faults import fault, suspect_mark
from projects_db.migrations import bring_up_to_date, known_versions
from projects_db.records import DamagedDatabase
from projects_db.repository import Repository
from projects_db.schema import metadata
from tests.projects_db.samples import clip, request

ROOT = Path(__file__).resolve().parents[2]


def open_in(folder: Path) -> Repository:
    return Repository.open(folder / "gimbal.sqlite3", backups=folder / "backups")


def first_version(folder: Path) -> Path:
    """A file as the first version wrote it, with a clip and a job in it."""
    path = folder / "gimbal.sqlite3"
    bring_up_to_date(path, folder / "backups", target="0001")
    with closing(connect(path)) as raw:
        (project,) = raw.execute("SELECT id FROM projects").fetchone()
        fields = {name: getattr(clip(1, project), name) for name in clip(1, project).__slots__} | {"number": 77}
        names = ", ".join(fields)
        raw.execute(f"INSERT INTO clips ({names}) VALUES ({', '.join('?' * len(fields))})", [*fields.values()])
    return path


def test_an_older_history_is_copied_migrated_and_searchable(tmp_path: Path) -> None:
    path = first_version(tmp_path)
    with open_in(tmp_path) as repository:
        assert [row.id for row in repository.search_clips("ball").clips] == [f"{1:016x}"]
        repository.rate_clip(f"{1:016x}", 2)
        assert len(repository.search_clips("ball", min_rating=2).clips) == 1
    (backup,) = (tmp_path / "backups").iterdir()
    with closing(sqlite3.connect(backup)) as raw:
        assert raw.execute("SELECT version_num FROM alembic_version").fetchone() == ("0001",)
        assert raw.execute("SELECT count(*) FROM clips").fetchone() == (1,)
    with closing(sqlite3.connect(path)) as raw:
        assert raw.execute("SELECT version_num FROM alembic_version").fetchone() == (known_versions()[-1],)


def test_a_new_history_needs_no_backup_and_a_current_one_no_migration(tmp_path: Path) -> None:
    open_in(tmp_path).close()
    open_in(tmp_path).close()
    assert not (tmp_path / "backups").exists()


def test_five_backups_are_kept(tmp_path: Path) -> None:
    (tmp_path / "backups").mkdir()
    for number in range(7):
        (tmp_path / "backups" / f"gimbal-20200101-00000{number}-0-v0001.sqlite3").touch()
    first_version(tmp_path)
    open_in(tmp_path).close()
    names = sorted(path.name for path in (tmp_path / "backups").iterdir())
    assert len(names) == 5
    assert not names[-1].startswith("gimbal-2020")


def test_a_migration_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = first_version(tmp_path)
    with closing(connect(path)) as raw:
        raw.execute("CREATE TABLE clip_search (in_the_way TEXT)")
    with pytest.raises(DatabaseError):
        open_in(tmp_path)
    with closing(connect(path)) as raw:
        assert raw.execute("SELECT version_num FROM alembic_version").fetchone() == ("0001",)
        assert raw.execute("SELECT count(*) FROM sqlite_master WHERE type = 'view'").fetchone() == (0,)
        raw.execute("DROP TABLE clip_search")
    with open_in(tmp_path) as repository:
        assert len(repository.search_clips("ball").clips) == 1


def test_the_migrations_make_the_tables_that_the_code_expects(tmp_path: Path) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.runtime.migration import MigrationContext

    path = tmp_path / "gimbal.sqlite3"
    bring_up_to_date(path, tmp_path)
    engine = create_engine(f"sqlite:///{path}")

    def ours(_: object, name: str | None, kind: str, *rest: object) -> bool:
        return not (kind == "table" and str(name).startswith("clip_"))

    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_object": ours, "compare_type": True})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_a_newer_history_is_refused_and_left_alone(tmp_path: Path) -> None:
    open_in(tmp_path).close()
    path = tmp_path / "gimbal.sqlite3"
    with closing(connect(path)) as raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
    before = path.read_bytes()
    with pytest.raises(NewerDatabase, match="Update Gimbal"):
        open_in(tmp_path)
    assert path.read_bytes() == before


def test_a_database_of_another_program_is_refused(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "gimbal.sqlite3")) as raw:
        raw.execute("CREATE TABLE theirs (x)")
    with pytest.raises(DatabaseError, match="another program") as caught:
        open_in(tmp_path)
    assert not getattr(caught.value, "damaged", False)


def test_an_empty_file_becomes_a_history(tmp_path: Path) -> None:
    (tmp_path / "gimbal.sqlite3").touch()
    with open_in(tmp_path) as repository:
        assert len(repository.list_projects()) == 1


@pytest.mark.parametrize("damage", ["header", "pages", "cut"])
def test_damage_is_recognised(tmp_path: Path, damage: str) -> None:
    with open_in(tmp_path) as repository:
        repository.insert_clips(clip(n, repository.list_projects()[0].id) for n in range(300))
    path = tmp_path / "gimbal.sqlite3"
    data = bytearray(path.read_bytes())
    if damage == "header":
        data[:64] = b"x" * 64
    elif damage == "pages":
        data[4096 * 4 : 4096 * 30] = os.urandom(4096 * 26)
    else:
        del data[len(data) // 2 :]
    path.write_bytes(bytes(data))
    with pytest.raises(DamagedDatabase) as caught:
        open_in(tmp_path)
    assert caught.value.damaged
    assert isinstance(caught.value, DatabaseError)


def spoil_search(path: Path) -> None:
    with closing(connect(path)) as raw:
        raw.execute("UPDATE clip_search_data SET block = x'00ff00ff' WHERE id > 1000")


def test_damage_met_in_use_makes_the_next_start_look_closely(tmp_path: Path) -> None:
    with open_in(tmp_path) as repository:
        repository.insert_clips(clip(n, repository.list_projects()[0].id) for n in range(50))
        spoil_search(repository.path)
        with pytest.raises(DamagedDatabase):
            repository.search_clips("ball")
        mark = suspect_mark(repository.path)
        assert mark.exists()
    with open_in(tmp_path) as repository:
        assert len(repository.search_clips("ball").clips) == 50
    assert not mark.exists()


def test_a_search_index_that_does_not_answer_is_made_anew(tmp_path: Path) -> None:
    with open_in(tmp_path) as repository:
        repository.insert_clips(clip(n, repository.list_projects()[0].id) for n in range(50))
    spoil_search(tmp_path / "gimbal.sqlite3")
    with open_in(tmp_path) as repository:
        assert len(repository.search_clips("ball").clips) == 50


def test_rotten_names_in_the_table_of_contents_are_damage(tmp_path: Path) -> None:
    open_in(tmp_path).close()
    path = tmp_path / "gimbal.sqlite3"
    data = path.read_bytes()
    assert b"created_at FLOAT" in data
    path.write_bytes(data.replace(b"created_at FLOAT", b"created_ax FLOAT"))
    with pytest.raises(DamagedDatabase):
        open_in(tmp_path)


def test_a_row_whose_file_name_rotted_is_damage(tmp_path: Path) -> None:
    with open_in(tmp_path) as repository:
        repository.insert_clip(clip(1, repository.list_projects()[0].id))
    path = tmp_path / "gimbal.sqlite3"
    path.write_bytes(path.read_bytes().replace(b"posters/0000", b"p\xffsters/0000"))
    with pytest.raises(DamagedDatabase):
        open_in(tmp_path)


def test_rows_on_both_sides_of_an_unreadable_page_are_salvaged(tmp_path: Path) -> None:
    with open_in(tmp_path) as repository:
        project = repository.list_projects()[0].id
        ids = [row.id for row in repository.add_jobs(project, [request(seed=n).to_json() for n in range(200)])]
    path = tmp_path / "gimbal.sqlite3"
    data = bytearray(path.read_bytes())
    middle = data.index(ids[100].encode()) // 4096 * 4096
    data[middle : middle + 4096] = bytes(4096)
    path.write_bytes(bytes(data))
    with Repository.open(tmp_path / "new.sqlite3", backups=tmp_path) as repository:
        salvaged = repository.salvage(path)
        kept = [row.id for row in repository.list_jobs(limit=1000)]
    assert 180 <= salvaged.jobs == len(kept) < 200
    assert {ids[0], ids[199]} < set(kept)
    assert kept == [job for job in ids if job in set(kept)]


def test_two_processes_write_at_once_and_nothing_is_lost(tmp_path: Path) -> None:
    script = f"""
import sys
from pathlib import Path
from projects_db.repository import Repository
from tests.projects_db.samples import request
folder = Path({str(tmp_path)!r})
repository = Repository.open(folder / "gimbal.sqlite3", backups=folder / "backups")
project = repository.list_projects()[0].id
for seed in range(20):
    repository.add_jobs(project, [request(seed=seed).to_json()])
    row = repository.lease_next(1)
    if row is not None:
        print(row.id)
"""
    run = [sys.executable, "-c", script]
    both = [subprocess.Popen(run, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    printed = [process.communicate(timeout=120)[0].split() for process in both]
    assert [process.returncode for process in both] == [0, 0]
    leased = printed[0] + printed[1]
    assert len(leased) == len(set(leased)) == 40
    with open_in(tmp_path) as repository:
        rows = repository.list_jobs(limit=200)
        assert len({row.position for row in rows}) == 40
        assert {row.attempts for row in rows} == {1}


def test_writes_of_another_process_are_noticed(tmp_path: Path) -> None:
    with open_in(tmp_path) as ours, open_in(tmp_path) as theirs:
        before = ours.data_version()
        assert ours.data_version() == before
        theirs.set_paused(True)
        assert ours.data_version() != before
        assert ours.get_paused()


def test_a_full_disk_is_told_and_nothing_is_half_written(tmp_path: Path) -> None:
    open_in(tmp_path).close()
    path = tmp_path / "gimbal.sqlite3"
    with closing(connect(path)) as raw:
        pages = raw.execute("PRAGMA page_count").fetchone()[0]
        raw.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(sqlite3.OperationalError) as full:
            raw.execute("INSERT INTO switches VALUES (?, 1)", ["x" * 50_000])
    told = fault(full.value, path)
    assert isinstance(told, NoSpace)
    assert "full" in told.message and told.hint


@contextmanager
def read_only_folder() -> Iterator[Path]:
    """A folder this process may read but not write, also when it runs as root."""
    folder = Path(tempfile.mkdtemp())
    root = os.geteuid() == 0
    try:
        open_in(folder).close()
        folder.chmod(0o555 if not root else 0o755)
        if root:
            os.seteuid(65534)
        yield folder
    finally:
        if root:
            os.seteuid(0)
        folder.chmod(0o755)
        shutil.rmtree(folder)


@pytest.mark.skipif(os.name == "nt", reason="Windows has other rights on folders")
def test_a_read_only_folder_is_told() -> None:
    with read_only_folder() as folder:
        with pytest.raises(StorageError, match="GIMBAL_HOME"):
            open_in(folder)
        with pytest.raises(StorageError, match="GIMBAL_HOME"):
            open_in(folder / "new")


def test_a_file_in_place_of_the_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file")
    with pytest.raises(StorageError, match="GIMBAL_HOME"):
        open_in(tmp_path / "home")


def test_a_copy_of_the_history_made_while_it_is_written_is_whole(tmp_path: Path) -> None:
    from projects_db.migrations.backup import back_up

    with open_in(tmp_path) as repository:
        project = repository.list_projects()[0].id
        repository.add_jobs(project, [request(seed=n).to_json() for n in range(20)])
        with closing(connect(repository.path)) as raw:
            copy = back_up(raw, tmp_path / "copies", "0002")
    with Repository.open(copy, backups=tmp_path) as opened:
        assert len(opened.list_jobs()) == 20
