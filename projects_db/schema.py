"""The tables, as SQLAlchemy sees them; the migrations make them and a test holds the two together."""

from __future__ import annotations

import dataclasses
from typing import Any

from sqlalchemy import CheckConstraint, Column, Float, ForeignKey, Index, Integer, MetaData, String, Table, Text

metadata = MetaData()

projects = Table(
    "projects",
    metadata,
    Column("id", String, primary_key=True),
    Column("name", Text, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("deleted_at", Float),
)

jobs = Table(
    "jobs",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("id", String, nullable=False, unique=True),
    Column("project_id", String, ForeignKey("projects.id"), nullable=False),
    Column("state", String, nullable=False),
    Column("request_json", Text, nullable=False),
    Column("model", String, nullable=False),
    Column("prompt", Text, nullable=False),
    Column("position", Float, nullable=False),
    Column("take_group", String, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("started_at", Float),
    Column("ended_at", Float),
    Column("stage", String),
    Column("step", Integer, nullable=False),
    Column("steps", Integer, nullable=False),
    Column("eta_seconds", Float),
    Column("error_message", Text),
    Column("error_hint", Text),
    Column("clip_id", String),
    Column("worker_pid", Integer),
    Column("heartbeat_at", Float),
    Column("facts_json", Text),
    Column("task", String, nullable=False, server_default="clip"),
    CheckConstraint("state IN ('queued', 'running', 'finished', 'failed', 'stopped')", name="state_is_known"),
    Index("jobs_by_position", "state", "position"),
    Index("jobs_by_end", "state", "ended_at"),
    Index("jobs_by_model", "model", "state", "ended_at"),
)

clips = Table(
    "clips",
    metadata,
    Column("number", Integer, primary_key=True),  # created_at in microseconds: row order is age order
    Column("id", String, nullable=False, unique=True),
    Column("project_id", String, ForeignKey("projects.id"), nullable=False),
    Column("job_id", String, ForeignKey("jobs.id")),
    Column("path", String, nullable=False, unique=True),
    Column("poster", String, nullable=False),
    Column("model", String, nullable=False),
    Column("seed", Integer, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("num_frames", Integer, nullable=False),
    Column("fps", Float, nullable=False),
    Column("size_bytes", Integer, nullable=False),
    Column("file_sha256", String, nullable=False),
    Column("frames_sha256", String, nullable=False),
    Column("rating", Integer, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("deleted_at", Float),
    Column("missing_since", Float),
    Column("parent_clip_id", String),
    Column("prompt", Text, nullable=False),
    Column("request_json", Text, nullable=False),
    Column("facts_json", Text),
    CheckConstraint("rating BETWEEN 0 AND 5", name="rating_in_range"),
    CheckConstraint("path GLOB 'clips/*/' || id || '.*'", name="path_names_the_clip"),
    CheckConstraint("poster = 'posters/' || id || '.webp'", name="poster_names_the_clip"),
    Index("clips_by_project", "project_id", "deleted_at"),
    Index("clips_by_deletion", "deleted_at"),
)

media = Table(
    "media",
    metadata,
    Column("sha256", String, primary_key=True),
    Column("path", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("num_frames", Integer),
    Column("fps", Float),
    Column("size_bytes", Integer, nullable=False),
    Column("original_name", Text, nullable=False),
    Column("created_at", Float, nullable=False),
    CheckConstraint("kind IN ('image', 'clip')", name="kind_is_known"),
    CheckConstraint("path GLOB 'media/??/' || sha256 || '.*'", name="path_names_the_bytes"),
)

camera_paths = Table(
    "camera_paths",
    metadata,
    Column("id", String, primary_key=True),
    Column("project_id", String, ForeignKey("projects.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("path_json", Text, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("deleted_at", Float),
    CheckConstraint("version >= 1", name="version_counts"),
    Index("camera_paths_by_name", "project_id", "name", "version", unique=True),
)

subjects = Table(
    "subjects",
    metadata,
    Column("id", String, primary_key=True),
    Column("token", String, nullable=False),
    Column("name", Text, nullable=False),
    Column("class_word", Text, nullable=False),
    Column("strength", Float, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("deleted_at", Float),
    Index("subjects_by_token", "token"),
)

subject_versions = Table(
    "subject_versions",
    metadata,
    Column("id", String, primary_key=True),
    Column("subject_id", String, ForeignKey("subjects.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("model", String, nullable=False),
    Column("base", String, nullable=False),
    Column("method", String, nullable=False),
    Column("digest", String),
    Column("job_id", String),
    Column("spec_json", Text, nullable=False),
    Column("report_json", Text, nullable=False),
    Column("created_at", Float, nullable=False),
    CheckConstraint("number >= 1", name="number_counts"),
    Index("subject_versions_by_number", "subject_id", "number", unique=True),
)

switches = Table(
    "switches",
    metadata,
    Column("name", String, primary_key=True),
    Column("value", Integer, nullable=False),
)


SEARCH_PARTS = ("clip_words", "clip_search", "clip_added", "clip_taken", "clip_changed")
"""What full-text search consists of besides the tables: a view, a virtual table and its triggers."""


def columns_of(table: Table, record: type[Any]) -> list[Column[Any]]:
    """The columns of a table that a record has a field for, in the record's order."""
    return [table.c[field.name] for field in dataclasses.fields(record) if field.name in table.c]
