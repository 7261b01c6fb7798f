"""Subjects with their versions, and jobs that do something else than make a clip."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("jobs", sa.Column("task", sa.String, nullable=False, server_default="clip"))
    op.create_table(
        "subjects",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("token", sa.String, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("class_word", sa.Text, nullable=False),
        sa.Column("strength", sa.Float, nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("deleted_at", sa.Float),
    )
    op.create_index("subjects_by_token", "subjects", ["token"])
    op.create_table(
        "subject_versions",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("subject_id", sa.String, sa.ForeignKey("subjects.id"), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("model", sa.String, nullable=False),
        sa.Column("base", sa.String, nullable=False),
        sa.Column("method", sa.String, nullable=False),
        sa.Column("digest", sa.String),
        sa.Column("job_id", sa.String),
        sa.Column("spec_json", sa.Text, nullable=False),
        sa.Column("report_json", sa.Text, nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.CheckConstraint("number >= 1", name="number_counts"),
    )
    op.create_index("subject_versions_by_number", "subject_versions", ["subject_id", "number"], unique=True)
