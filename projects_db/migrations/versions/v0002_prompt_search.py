"""Full-text search over prompts.

Every filter of the library stands in the index as a word of `tags`, so one MATCH answers text and filters together and
reads newest first: p<project>, m<hex of the model's name>, live or gone, and r1..r5 for "rated at least this much".
"""

from alembic import op

revision = "0002"
down_revision = "0001"


def _tags(row: str) -> str:
    return (
        f"'p' || {row}.project_id || ' m' || hex({row}.model)"
        f" || CASE WHEN {row}.deleted_at IS NULL THEN ' live' ELSE ' gone' END"
        f" || substr(' r1 r2 r3 r4 r5', 1, 3 * {row}.rating)"
    )


def upgrade() -> None:
    op.execute(f"CREATE VIEW clip_words AS SELECT number, prompt, {_tags('clips')} AS tags FROM clips")
    op.execute(
        "CREATE VIRTUAL TABLE clip_search USING fts5(prompt, tags, content='clip_words', content_rowid='number',"
        " tokenize='unicode61 remove_diacritics 2', prefix='1 2 3')"
    )
    added = f"INSERT INTO clip_search (rowid, prompt, tags) VALUES (new.number, new.prompt, {_tags('new')});"
    taken = (
        "INSERT INTO clip_search (clip_search, rowid, prompt, tags)"
        f" VALUES ('delete', old.number, old.prompt, {_tags('old')});"
    )
    op.execute(f"CREATE TRIGGER clip_added AFTER INSERT ON clips BEGIN {added} END")
    op.execute(f"CREATE TRIGGER clip_taken AFTER DELETE ON clips BEGIN {taken} END")
    watched = "prompt, project_id, model, rating, deleted_at"
    op.execute(f"CREATE TRIGGER clip_changed AFTER UPDATE OF {watched} ON clips BEGIN {taken} {added} END")
    op.execute("INSERT INTO clip_search (clip_search) VALUES ('rebuild')")
