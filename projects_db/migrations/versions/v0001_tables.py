"""Projects, jobs, clips, media and switches."""

import secrets
import time

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    _projects()
    _jobs()
    _clips()
    _media()
    op.create_table(
        "switches",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("value", sa.Integer, nullable=False),
    )


def _projects() -> None:
    projects = op.create_table(
        "projects",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("deleted_at", sa.Float),
    )
    first = {"id": secrets.token_hex(8), "name": "First project", "created_at": time.time()}
    op.bulk_insert(projects, [first])


def _jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("id", sa.String, nullable=False, unique=True),
        sa.Column("project_id", sa.String, sa.ForeignKey("projects.id"), nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("request_json", sa.Text, nullable=False),
        sa.Column("model", sa.String, nullable=False),
        sa.Column("prompt", sa.Text, nullable=False),
        sa.Column("position", sa.Float, nullable=False),
        sa.Column("take_group", sa.String, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("started_at", sa.Float),
        sa.Column("ended_at", sa.Float),
        sa.Column("stage", sa.String),
        sa.Column("step", sa.Integer, nullable=False),
        sa.Column("steps", sa.Integer, nullable=False),
        sa.Column("eta_seconds", sa.Float),
        sa.Column("error_message", sa.Text),
        sa.Column("error_hint", sa.Text),
        sa.Column("clip_id", sa.String),
        sa.Column("worker_pid", sa.Integer),
        sa.Column("heartbeat_at", sa.Float),
        sa.Column("facts_json", sa.Text),
        sa.CheckConstraint("state IN ('queued', 'running', 'finished', 'failed', 'stopped')", name="state_is_known"),
    )
    op.create_index("jobs_by_position", "jobs", ["state", "position"])
    op.create_index("jobs_by_end", "jobs", ["state", "ended_at"])
    op.create_index("jobs_by_model", "jobs", ["model", "state", "ended_at"])


def _clips() -> None:
    op.create_table(
        "clips",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("id", sa.String, nullable=False, unique=True),
        sa.Column("project_id", sa.String, sa.ForeignKey("projects.id"), nullable=False),
        sa.Column("job_id", sa.String, sa.ForeignKey("jobs.id")),
        sa.Column("path", sa.String, nullable=False, unique=True),
        sa.Column("poster", sa.String, nullable=False),
        sa.Column("model", sa.String, nullable=False),
        sa.Column("seed", sa.Integer, nullable=False),
        sa.Column("width", sa.Integer, nullable=False),
        sa.Column("height", sa.Integer, nullable=False),
        sa.Column("num_frames", sa.Integer, nullable=False),
        sa.Column("fps", sa.Float, nullable=False),
        sa.Column("size_bytes", sa.Integer, nullable=False),
        sa.Column("file_sha256", sa.String, nullable=False),
        sa.Column("frames_sha256", sa.String, nullable=False),
        sa.Column("rating", sa.Integer, nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("deleted_at", sa.Float),
        sa.Column("missing_since", sa.Float),
        sa.Column("parent_clip_id", sa.String),
        sa.Column("prompt", sa.Text, nullable=False),
        sa.Column("request_json", sa.Text, nullable=False),
        sa.Column("facts_json", sa.Text),
        sa.CheckConstraint("rating BETWEEN 0 AND 5", name="rating_in_range"),
        sa.CheckConstraint("path GLOB 'clips/*/' || id || '.*'", name="path_names_the_clip"),
        sa.CheckConstraint("poster = 'posters/' || id || '.webp'", name="poster_names_the_clip"),
    )
    op.create_index("clips_by_project", "clips", ["project_id", "deleted_at"])
    op.create_index("clips_by_deletion", "clips", ["deleted_at"])


def _media() -> None:
    op.create_table(
        "media",
        sa.Column("sha256", sa.String, primary_key=True),
        sa.Column("path", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("width", sa.Integer, nullable=False),
        sa.Column("height", sa.Integer, nullable=False),
        sa.Column("num_frames", sa.Integer),
        sa.Column("fps", sa.Float),
        sa.Column("size_bytes", sa.Integer, nullable=False),
        sa.Column("original_name", sa.Text, nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.CheckConstraint("kind IN ('image', 'clip')", name="kind_is_known"),
        sa.CheckConstraint("path GLOB 'media/??/' || sha256 || '.*'", name="path_names_the_bytes"),
    )
