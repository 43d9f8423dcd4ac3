"""texts: carriers, messages, receipts, and who wants none"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "sms_carriers",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False, comment="Its file in providers/carriers."),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False, comment="Part of the URL at which it tells us things."),
        sa.Column("texts_per_second", sa.Double(), nullable=False),
        sa.Column("enabled", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("tokens", sa.Double(), server_default="0", nullable=False, comment="Texts that may go now."),
        sa.Column("tokens_at", sa.Double(), server_default="0", nullable=False),
        sa.Column("held_until", sa.Double(), server_default="0", nullable=False, comment="It said: not now."),
        sa.Column("created_at", sa.Double(), server_default=sa.text("extract(epoch from now())"), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_sms_carriers_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sms_carriers")),
    )
    op.create_index("ix_sms_carriers_account_id", "sms_carriers", ["account_id"])
    op.add_column("numbers", sa.Column("carrier_id", sa.BigInteger(), nullable=True, comment="Its texts go by it."))
    op.create_foreign_key(op.f("fk_numbers_carrier_id"), "numbers", "sms_carriers", ["carrier_id"], ["id"])
    op.add_column(
        "numbers",
        sa.Column("text_url", sa.Text(), server_default="", nullable=False, comment="Gets each text that arrives."),
    )
    op.add_column(
        "numbers",
        sa.Column(
            "texts_joined", sa.Boolean(), server_default=sa.text("false"), nullable=False, comment="Concatenated parts."
        ),
    )
    op.add_column(
        "numbers",
        sa.Column("texts_per_second", sa.Double(), nullable=True, comment="NULL: as many as its carrier takes."),
    )
    op.add_column("numbers", sa.Column("text_next_at", sa.Double(), server_default="0", nullable=False))
    op.add_column(
        "accounts",
        sa.Column(
            "sms_blocks_account",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="Who stops the texts of one number stops all of the account's.",
        ),
    )
    op.add_column(
        "accounts",
        sa.Column("sms_refusal_in_response", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    op.add_column(
        "accounts",
        sa.Column(
            "notification_url", sa.Text(), server_default="", nullable=False, comment="Told of texts that are refused."
        ),
    )
    op.create_table(
        "sms_messages",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False, comment="The id that clients know."),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("number_id", sa.BigInteger(), nullable=False),
        sa.Column("carrier_id", sa.BigInteger(), nullable=True),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("ours", sa.Text(), nullable=False, comment="The owner's number, as it was added."),
        sa.Column("theirs", sa.Text(), nullable=False, comment="Digits with the country's code."),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("result_url", sa.Text(), nullable=False),
        sa.Column("group_id", sa.Uuid(), nullable=False, comment="Common to the parts of a text."),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("parts", sa.Integer(), nullable=False),
        sa.Column("encoding", sa.Text(), nullable=False),
        sa.Column("reference", sa.Integer(), nullable=False),
        sa.Column("joined", sa.Boolean(), nullable=False, comment="A phone joins the parts."),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("delivery", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("carrier_message_id", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("requested_at", sa.Double(), nullable=False),
        sa.Column(
            "due_at", sa.Double(), nullable=True, comment="Queued: when it may go. Sending: when its lease ends."
        ),
        sa.Column("responded_at", sa.Double(), nullable=True),
        sa.CheckConstraint("direction IN ('inbound','outbound')", name=op.f("ck_sms_messages_direction")),
        sa.CheckConstraint(
            "status IN ('queued','sending','sent','received','failure')", name=op.f("ck_sms_messages_status")
        ),
        sa.CheckConstraint(
            "delivery IN ('','unconfirmed','undelivered','delivered')", name=op.f("ck_sms_messages_delivery")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sms_messages")),
        sa.UniqueConstraint("message_id", name=op.f("uq_sms_messages_message_id")),
        postgresql_with={"fillfactor": "80", "autovacuum_vacuum_scale_factor": "0.02"},
    )
    op.create_index("ix_sms_messages_user_id", "sms_messages", ["user_id", "requested_at", "id"])
    op.create_index("ix_sms_messages_ours", "sms_messages", ["user_id", "ours", "requested_at", "id"])
    op.create_index("ix_sms_messages_theirs", "sms_messages", ["user_id", "theirs", "requested_at", "id"])
    op.create_index("ix_sms_messages_account_id", "sms_messages", ["account_id", "id"])
    op.create_index(
        "ix_sms_messages_due",
        "sms_messages",
        ["carrier_id", "due_at", "id"],
        postgresql_where=sa.text("status = 'queued'"),
    )
    op.create_index(
        "ix_sms_messages_leased", "sms_messages", ["due_at"], postgresql_where=sa.text("status = 'sending'")
    )
    op.create_index(
        "ix_sms_messages_group_id",
        "sms_messages",
        ["group_id"],
        postgresql_where=sa.text("joined AND status = 'queued'"),
    )
    op.create_index(
        "ix_sms_messages_told",
        "sms_messages",
        ["carrier_id", "carrier_message_id"],
        postgresql_where=sa.text("direction = 'outbound' AND carrier_message_id <> ''"),
    )
    op.create_index(
        "uq_sms_messages_received",
        "sms_messages",
        ["carrier_id", "carrier_message_id"],
        unique=True,
        postgresql_where=sa.text("direction = 'inbound' AND carrier_message_id <> ''"),
    )
    op.create_table(
        "sms_receipts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("carrier_id", sa.BigInteger(), nullable=False),
        sa.Column("carrier_message_id", sa.Text(), nullable=False),
        sa.Column("delivery", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sms_receipts")),
        comment="All that carriers have told, doubles too; a receipt may come before the carrier's own answer.",
    )
    op.create_index("ix_sms_receipts_told", "sms_receipts", ["carrier_id", "carrier_message_id"])
    op.create_table(
        "sms_consents",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("ours", sa.Text(), nullable=False),
        sa.Column("theirs", sa.Text(), nullable=False),
        sa.Column("stopped", sa.Boolean(), nullable=False),
        sa.Column("word", sa.Text(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sms_consents")),
        comment="Every word by which somebody stopped texts or let them come again; the last one holds.",
    )
    op.create_index("ix_sms_consents_theirs", "sms_consents", ["account_id", "theirs", "id"])
    op.alter_column("callbacks", "outbound_call_id", nullable=True)
    op.add_column("callbacks", sa.Column("sms_id", sa.BigInteger(), nullable=True, comment="Of a text."))
    op.add_column(
        "callbacks", sa.Column("fields", sa.JSON(), nullable=True, comment="What is posted; NULL: the call's details.")
    )
    op.add_column("callbacks", sa.Column("fields_json", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.add_column(
        "callbacks",
        sa.Column(
            "reads_reply",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="The answer holds texts to be sent.",
        ),
    )
    op.create_check_constraint(
        op.f("ck_callbacks_of"), "callbacks", "(outbound_call_id IS NULL) = (sms_id IS NOT NULL AND fields IS NOT NULL)"
    )
    op.create_index("ix_callbacks_sms_id", "callbacks", ["sms_id"], postgresql_where=sa.text("sms_id IS NOT NULL"))
