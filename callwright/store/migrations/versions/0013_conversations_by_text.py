"""numbers whose texts an application answers"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.create_table(
        "text_sessions",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False, comment="The id that clients know."),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("number_id", sa.BigInteger(), nullable=False),
        sa.Column("ours", sa.Text(), nullable=False),
        sa.Column("theirs", sa.Text(), nullable=False),
        sa.Column("application_id", sa.BigInteger(), nullable=False),
        sa.Column("deployment_id", sa.BigInteger(), nullable=False),
        sa.Column("version_id", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.Double(), nullable=False),
        sa.Column("turned_at", sa.Double(), nullable=False),
        sa.Column(
            "waits_until",
            sa.Double(),
            nullable=True,
            comment="An answer may come until then; NULL: none is waited for.",
        ),
        sa.Column("ended_at", sa.Double(), nullable=True),
        sa.Column("outcome", sa.Text(), server_default="", nullable=False),
        sa.Column("cause", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "private",
            sa.Boolean(),
            nullable=False,
            comment="The question that waits is: its answer is shown to nobody.",
        ),
        sa.Column("entries", sa.Integer(), server_default="0", nullable=False, comment="Of its journal."),
        sa.Column("checkpoint", sa.LargeBinary(), nullable=True, comment="Sealed; NULL once it has ended."),
        sa.CheckConstraint("(ended_at IS NULL) = (checkpoint IS NOT NULL)", name=op.f("ck_text_sessions_put_away")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_text_sessions")),
        sa.UniqueConstraint("session_id", name=op.f("uq_text_sessions_session_id")),
    )
    op.create_index("ix_text_sessions_account_id", "text_sessions", ["account_id", "id"])
    op.create_index(
        "ix_text_sessions_ended_at", "text_sessions", ["ended_at"], postgresql_where=sa.text("ended_at IS NOT NULL")
    )
    op.create_index(
        "ix_text_sessions_waits_until",
        "text_sessions",
        ["waits_until"],
        postgresql_where=sa.text("waits_until IS NOT NULL"),
    )
    op.create_index(
        "uq_text_sessions_open",
        "text_sessions",
        ["number_id", "theirs"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "text_turns",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("number_id", sa.BigInteger(), nullable=False),
        sa.Column("theirs", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("sms_id", sa.BigInteger(), nullable=True, comment="The text that is to be answered."),
        sa.Column("body", sa.LargeBinary(), nullable=True, comment="What it says, sealed."),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column(
            "due_at",
            sa.Double(),
            nullable=False,
            comment="When it may be claimed: at the end of its lease, where it was.",
        ),
        sa.CheckConstraint("what IN ('text','stop','expired','after')", name=op.f("ck_text_turns_what")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_text_turns")),
        comment="What has come for conversations by text and was not taken in yet; of one pair of numbers the oldest comes first.",
    )
    op.create_index("ix_text_turns_due_at", "text_turns", ["due_at"])
    op.create_index("ix_text_turns_pair", "text_turns", ["number_id", "theirs", "id"])
    op.create_table(
        "text_events",
        sa.Column("text_session_id", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False, comment="A line of the journal, redacted."),
        sa.ForeignKeyConstraint(
            ["text_session_id"], ["text_sessions.id"], name=op.f("fk_text_events_text_session_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("text_session_id", "seq", name=op.f("pk_text_events")),
    )
    op.add_column(
        "numbers", sa.Column("text_deployment_id", sa.BigInteger(), nullable=True, comment="Answers its texts.")
    )
    op.add_column(
        "numbers",
        sa.Column(
            "text_wait_s",
            sa.Double(),
            server_default="259200",
            nullable=False,
            comment="How long it waits for an answer.",
        ),
    )
    op.create_foreign_key(
        op.f("fk_numbers_text_deployment_id"), "numbers", "deployments", ["text_deployment_id"], ["id"]
    )
    # Parts are kept for some minutes, and no release has kept them unsealed.
    op.execute("DELETE FROM sms_parts")
    op.alter_column(
        "sms_parts",
        "body",
        type_=sa.LargeBinary(),
        postgresql_using="body::bytea",
        comment="Sealed.",
        existing_type=sa.Text(),
        existing_nullable=False,
    )
