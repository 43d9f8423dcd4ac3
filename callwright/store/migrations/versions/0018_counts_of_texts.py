"""counts of texts, which a job makes"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.create_table(
        "sms_counts",
        sa.Column("user_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("ours", sa.Text(), nullable=False, comment="Empty: all of the user's numbers."),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("width_s", sa.Integer(), autoincrement=False, nullable=False, comment="A minute or a day."),
        sa.Column("start_at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("texts", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "ours", "direction", "width_s", "start_at", name=op.f("pk_sms_counts")),
        comment="How many texts were asked for or came in each minute and day (store/sms_counts.py).",
    )
    op.create_index(
        "ix_sms_counts_account_id", "sms_counts", ["account_id", "ours", "direction", "width_s", "start_at"]
    )
    op.create_table(
        "sms_counted",
        sa.Column("until_at", sa.BigInteger(), nullable=False, comment="What is older stands in sms_counts."),
        comment="One row.",
    )
    op.execute("INSERT INTO sms_counted (until_at) VALUES (0)")
    # A conversation is counted by the index alone.
    op.drop_index("ix_sms_messages_theirs", "sms_messages")
    op.create_index(
        "ix_sms_messages_theirs",
        "sms_messages",
        ["user_id", "theirs", "requested_at", "id"],
        postgresql_include=["ours"],
    )
