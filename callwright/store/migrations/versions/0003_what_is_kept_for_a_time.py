"""what is kept for a time: partitions of calls and their journals, errors, counts

Rows that are there already go into the default partitions; the jobs process moves them into partitions of their own.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_OLD_CALLS = """id, account_id, user_id, application_id, deployment_id, version_id, outbound_call_id, engine_id, session_id, sip_call_id,
direction, src, dest, started_at, ended_at, outcome, cause, recording"""


def upgrade() -> None:
    op.add_column(
        "accounts",
        sa.Column(
            "demo",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="Reads no logs over DEV's API.",
        ),
    )
    op.add_column(
        "accounts",
        sa.Column(
            "time_zone", sa.Text(), server_default="America/New_York", nullable=False, comment="Of DEV's log lines."
        ),
    )
    op.add_column(
        "accounts",
        sa.Column("details_days", sa.Integer(), nullable=True, comment="NULL: as long as the platform keeps them."),
    )
    op.add_column("accounts", sa.Column("calls_days", sa.Integer(), nullable=True))
    op.create_check_constraint(op.f("ck_accounts_details_days"), "accounts", "details_days >= 0")
    op.create_check_constraint(op.f("ck_accounts_calls_days"), "accounts", "calls_days >= 1")
    op.create_table(
        "retention",
        sa.Column("single", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("details_days", sa.Integer(), nullable=False, comment="Detailed logs (call_events)."),
        sa.Column("calls_days", sa.Integer(), nullable=False, comment="Calls and their errors."),
        sa.CheckConstraint("single", name=op.f("ck_retention_single")),
        sa.CheckConstraint("0 <= details_days AND details_days <= calls_days", name=op.f("ck_retention_days")),
        sa.PrimaryKeyConstraint("single", name=op.f("pk_retention")),
        comment="One row: how long the platform keeps what accounts do not choose to keep for less.",
    )
    op.execute("INSERT INTO retention (details_days, calls_days) VALUES (5, 366)")
    for table in ("calls", "call_events"):
        op.execute(f"ALTER TABLE {table} RENAME TO old_{table}")
        op.drop_constraint(f"pk_{table}", f"old_{table}")
    op.drop_constraint("uq_calls_session_id", "old_calls")
    for index in ("ix_calls_account_id_started_at", "ix_calls_open", "ix_calls_user_id_started_at"):
        op.drop_index(index, "old_calls")
    _create()
    for table in ("calls", "call_events", "call_errors", "call_counts"):
        op.execute(f"CREATE TABLE {table}_default PARTITION OF {table} DEFAULT")
    # Calls of a number: the one that was dialled, or the first that leads to the deployment.
    op.execute(
        f"""
        INSERT INTO calls ({_OLD_CALLS}, number)
        SELECT {_OLD_CALLS}, coalesce(
            (SELECT n.address FROM numbers n WHERE n.deployment_id = o.deployment_id
             ORDER BY n.address = o.dest DESC, n.id LIMIT 1), '')
        FROM old_calls o
        """
    )
    op.execute(
        "SELECT setval(pg_get_serial_sequence('calls', 'id'), nextval(pg_get_serial_sequence('old_calls', 'id')))"
    )
    op.execute("INSERT INTO call_events (call_id, seq, at, body) SELECT call_id, seq, at, body FROM old_call_events")
    op.execute(
        """
        INSERT INTO call_counts (user_id, account_id, number, width_s, start_at, calls)
        SELECT c.user_id, c.account_id, n.number, w.s, floor(c.started_at / w.s) * w.s, count(*)
        FROM calls c CROSS JOIN unnest(ARRAY[60, 86400]) AS w (s)
        CROSS JOIN LATERAL (SELECT '' UNION SELECT c.number) AS n (number)
        WHERE c.ended_at IS NOT NULL GROUP BY 1, 2, 3, 4, 5
        """
    )
    op.drop_table("old_calls")
    op.drop_table("old_call_events")


def _create() -> None:
    op.create_table(
        "calls",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("application_id", sa.BigInteger(), nullable=False),
        sa.Column("deployment_id", sa.BigInteger(), nullable=False),
        sa.Column("version_id", sa.BigInteger(), nullable=False),
        sa.Column("outbound_call_id", sa.BigInteger(), nullable=True),
        sa.Column("engine_id", sa.BigInteger(), nullable=False),
        sa.Column("session_id", sa.Text(), nullable=False),
        sa.Column("sip_call_id", sa.Text(), nullable=False),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("src", sa.Text(), nullable=False),
        sa.Column("dest", sa.Text(), nullable=False),
        sa.Column(
            "number", sa.Text(), server_default="", nullable=False, comment="The owner's number that it belongs to."
        ),
        sa.Column("started_at", sa.Double(), nullable=False),
        sa.Column("ended_at", sa.Double(), nullable=True),
        sa.Column("outcome", sa.Text(), server_default="", nullable=False),
        sa.Column("cause", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "recording", sa.Text(), server_default="", nullable=False, comment="Path below the recordings directory."
        ),
        sa.CheckConstraint("direction IN ('inbound','outbound','transfer')", name=op.f("ck_calls_direction")),
        sa.PrimaryKeyConstraint("id", "started_at", name=op.f("pk_calls")),
        sa.UniqueConstraint("session_id", "started_at", name=op.f("uq_calls_session_id_started_at")),
        postgresql_partition_by="RANGE (started_at)",
    )
    op.create_index("ix_calls_user_id_started_at", "calls", ["user_id", "started_at", "id"])
    op.create_index("ix_calls_user_id_number_started_at", "calls", ["user_id", "number", "started_at", "id"])
    op.create_index("ix_calls_account_id_started_at", "calls", ["account_id", "started_at", "id"])
    op.create_index(
        "ix_calls_outbound_call_id",
        "calls",
        ["outbound_call_id"],
        postgresql_where=sa.text("outbound_call_id IS NOT NULL"),
    )
    op.create_index("ix_calls_open", "calls", ["engine_id"], postgresql_where=sa.text("ended_at IS NULL"))
    op.create_table(
        "call_events",
        sa.Column("call_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column(
            "body", sa.JSON(), nullable=False, comment="An entry of the journal (session/codec.py), already redacted."
        ),
        sa.PrimaryKeyConstraint("call_id", "seq", "at", name=op.f("pk_call_events")),
        postgresql_partition_by="RANGE (at)",
    )
    op.create_table(
        "call_errors",
        sa.Column("call_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False, comment="Of its entry in the journal."),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("session_id", sa.Text(), nullable=False),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("src", sa.Text(), nullable=False),
        sa.Column("dest", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("call_id", "seq", "at", name=op.f("pk_call_errors")),
        postgresql_partition_by="RANGE (at)",
        comment="What went wrong in calls: kept longer than the journals that it stands in too.",
    )
    op.create_index("ix_call_errors_user_id_at", "call_errors", ["user_id", "at"])
    op.create_index("ix_call_errors_account_id_at", "call_errors", ["account_id", "at"])
    op.create_table(
        "call_counts",
        sa.Column("user_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("number", sa.Text(), nullable=False, comment="Empty: all of the user's calls."),
        sa.Column("width_s", sa.Integer(), autoincrement=False, nullable=False, comment="A minute or a day."),
        sa.Column("start_at", sa.BigInteger(), autoincrement=False, nullable=False, comment="A multiple of width_s."),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("calls", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "number", "width_s", "start_at", name=op.f("pk_call_counts")),
        postgresql_partition_by="RANGE (start_at)",
        comment="How many ended calls began in each minute and day (store/call_counts.py).",
    )
    op.create_index("ix_call_counts_account_id", "call_counts", ["account_id", "number", "width_s", "start_at"])
