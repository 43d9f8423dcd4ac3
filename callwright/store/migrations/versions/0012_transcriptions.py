"""transcriptions"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.create_table(
        "transcriptions",
        sa.Column("transcription_id", sa.Uuid(), nullable=False, comment="The id that clients know."),
        sa.Column("requested_at", sa.Double(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False, comment="What was said."),
        sa.Column("duration_s", sa.Double(), nullable=False),
        sa.Column("responded_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("transcription_id", "requested_at", name=op.f("pk_transcriptions")),
        postgresql_partition_by="RANGE (requested_at)",
    )
    op.create_index("ix_transcriptions_account_id_requested_at", "transcriptions", ["account_id", "requested_at"])
    op.execute("CREATE TABLE transcriptions_default PARTITION OF transcriptions DEFAULT")
