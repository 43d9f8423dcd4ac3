"""The tables of texts (store/tables.py)."""

import sqlalchemy as sa

from callwright.store.columns import created, metadata, ref, row_id, time

sms_carriers = sa.Table(
    "sms_carriers",
    metadata,
    row_id(),
    ref("account_id", "accounts"),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("type", sa.Text, nullable=False, comment="Its file in providers/carriers."),
    sa.Column("settings", sa.JSON, nullable=False),
    sa.Column("token", sa.Text, nullable=False, comment="Part of the URL at which it tells us things."),
    sa.Column("texts_per_second", sa.Double, nullable=False),
    sa.Column("enabled", sa.Boolean, nullable=False, server_default=sa.true()),
    sa.Column("tokens", sa.Double, nullable=False, server_default="0", comment="Texts that may go now."),
    sa.Column("tokens_at", sa.Double, nullable=False, server_default="0"),
    sa.Column("held_until", sa.Double, nullable=False, server_default="0", comment="It said: not now."),
    created(),
    sa.Index("ix_sms_carriers_account_id", "account_id"),
)

sms_messages = sa.Table(
    "sms_messages",
    metadata,
    row_id(),
    sa.Column("message_id", sa.Uuid, nullable=False, comment="The id that clients know."),
    sa.Column("account_id", sa.BigInteger, nullable=False),
    sa.Column("user_id", sa.BigInteger, nullable=False),
    sa.Column("number_id", sa.BigInteger, nullable=False),
    sa.Column("carrier_id", sa.BigInteger, nullable=True),
    sa.Column("direction", sa.Text, nullable=False),
    sa.Column("ours", sa.Text, nullable=False, comment="The owner's number, as it was added."),
    sa.Column("theirs", sa.Text, nullable=False, comment="Digits with the country's code."),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("sealed", sa.LargeBinary, nullable=True, comment="A private text, until its carrier has it."),
    sa.Column("result_url", sa.Text, nullable=False),
    sa.Column("group_id", sa.Uuid, nullable=False, comment="Common to the parts of a text."),
    sa.Column("part", sa.Integer, nullable=False),
    sa.Column("parts", sa.Integer, nullable=False),
    sa.Column("encoding", sa.Text, nullable=False),
    sa.Column("reference", sa.Integer, nullable=False),
    sa.Column("joined", sa.Boolean, nullable=False, comment="A phone joins the parts."),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("delivery", sa.Text, nullable=False),
    sa.Column("cause", sa.Text, nullable=False),
    sa.Column("carrier_message_id", sa.Text, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    time("requested_at", nullable=False),
    sa.Column("due_at", sa.Double, nullable=True, comment="Queued: when it may go. Sending: when its lease ends."),
    time("responded_at"),
    sa.UniqueConstraint("message_id"),
    sa.CheckConstraint("direction IN ('inbound','outbound')", name="direction"),
    sa.CheckConstraint("status IN ('queued','sending','sent','received','failure')", name="status"),
    sa.CheckConstraint("delivery IN ('','unconfirmed','undelivered','delivered')", name="delivery"),
    sa.Index("ix_sms_messages_user_id", "user_id", "requested_at", "id"),
    sa.Index("ix_sms_messages_ours", "user_id", "ours", "requested_at", "id"),
    sa.Index("ix_sms_messages_theirs", "user_id", "theirs", "requested_at", "id", postgresql_include=["ours"]),
    sa.Index("ix_sms_messages_account_id", "account_id", "id"),
    sa.Index("ix_sms_messages_due", "carrier_id", "due_at", "id", postgresql_where=sa.text("status = 'queued'")),
    sa.Index("ix_sms_messages_leased", "due_at", postgresql_where=sa.text("status = 'sending'")),
    sa.Index("ix_sms_messages_group_id", "group_id", postgresql_where=sa.text("joined AND status = 'queued'")),
    sa.Index(
        "ix_sms_messages_told",
        "carrier_id",
        "carrier_message_id",
        postgresql_where=sa.text("direction = 'outbound' AND carrier_message_id <> ''"),
    ),
    sa.Index(
        "uq_sms_messages_received",
        "carrier_id",
        "carrier_message_id",
        unique=True,
        postgresql_where=sa.text("direction = 'inbound' AND carrier_message_id <> ''"),
    ),
    postgresql_with={"fillfactor": "80", "autovacuum_vacuum_scale_factor": "0.02"},
)

sms_receipts = sa.Table(
    "sms_receipts",
    metadata,
    row_id(),
    sa.Column("carrier_id", sa.BigInteger, nullable=False),
    sa.Column("carrier_message_id", sa.Text, nullable=False),
    sa.Column("delivery", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    time("at", nullable=False),
    sa.Index("ix_sms_receipts_told", "carrier_id", "carrier_message_id"),
    comment="All that carriers have told, doubles too; a receipt may come before the carrier's own answer.",
)

sms_parts = sa.Table(
    "sms_parts",
    metadata,
    row_id(),
    sa.Column("carrier_id", sa.BigInteger, nullable=False),
    sa.Column("ours", sa.Text, nullable=False),
    sa.Column("theirs", sa.Text, nullable=False),
    sa.Column("reference", sa.Integer, nullable=False),
    sa.Column("parts", sa.Integer, nullable=False),
    sa.Column("part", sa.Integer, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False, comment="Sealed."),
    sa.Column("carrier_message_id", sa.Text, nullable=False),
    time("at", nullable=False),
    sa.Column("joined", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Index("ix_sms_parts_theirs", "carrier_id", "theirs", "reference"),
    sa.Index("ix_sms_parts_at", "at"),
    comment="Of texts that arrive in parts; those that are joined are kept for a while, to know doubles by.",
)

sms_counts = sa.Table(
    "sms_counts",
    metadata,
    sa.Column("user_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("ours", sa.Text, primary_key=True, comment="Empty: all of the user's numbers."),
    sa.Column("direction", sa.Text, primary_key=True),
    sa.Column("width_s", sa.Integer, primary_key=True, autoincrement=False, comment="A minute or a day."),
    sa.Column("start_at", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("account_id", sa.BigInteger, nullable=False),
    sa.Column("texts", sa.BigInteger, nullable=False),
    sa.Index("ix_sms_counts_account_id", "account_id", "ours", "direction", "width_s", "start_at"),
    comment="How many texts were asked for or came in each minute and day (store/sms_counts.py).",
)

sms_counted = sa.Table(
    "sms_counted",
    metadata,
    sa.Column("until_at", sa.BigInteger, nullable=False, comment="What is older stands in sms_counts."),
    comment="One row.",
)

sms_consents = sa.Table(
    "sms_consents",
    metadata,
    row_id(),
    sa.Column("account_id", sa.BigInteger, nullable=False),
    sa.Column("user_id", sa.BigInteger, nullable=False),
    sa.Column("ours", sa.Text, nullable=False),
    sa.Column("theirs", sa.Text, nullable=False),
    sa.Column("stopped", sa.Boolean, nullable=False),
    sa.Column("word", sa.Text, nullable=False),
    time("at", nullable=False),
    sa.Index("ix_sms_consents_theirs", "account_id", "theirs", "id"),
    comment="Every word by which somebody stopped texts or let them come again; the last one holds.",
)

text_sessions = sa.Table(
    "text_sessions",
    metadata,
    row_id(),
    sa.Column("session_id", sa.Uuid, nullable=False, comment="The id that clients know."),
    sa.Column("account_id", sa.BigInteger, nullable=False),
    sa.Column("user_id", sa.BigInteger, nullable=False),
    sa.Column("number_id", sa.BigInteger, nullable=False),
    sa.Column("ours", sa.Text, nullable=False),
    sa.Column("theirs", sa.Text, nullable=False),
    sa.Column("application_id", sa.BigInteger, nullable=False),
    sa.Column("deployment_id", sa.BigInteger, nullable=False),
    sa.Column("version_id", sa.BigInteger, nullable=False),
    time("started_at", nullable=False),
    time("turned_at", nullable=False),
    sa.Column(
        "waits_until", sa.Double, nullable=True, comment="An answer may come until then; NULL: none is waited for."
    ),
    time("ended_at"),
    sa.Column("outcome", sa.Text, nullable=False, server_default=""),
    sa.Column("cause", sa.Text, nullable=False, server_default=""),
    sa.Column(
        "private", sa.Boolean, nullable=False, comment="The question that waits is: its answer is shown to nobody."
    ),
    sa.Column("entries", sa.Integer, nullable=False, server_default="0", comment="Of its journal."),
    sa.Column("checkpoint", sa.LargeBinary, nullable=True, comment="Sealed; NULL once it has ended."),
    sa.UniqueConstraint("session_id"),
    sa.CheckConstraint("(ended_at IS NULL) = (checkpoint IS NOT NULL)", name="put_away"),
    sa.Index("ix_text_sessions_account_id", "account_id", "id"),
    sa.Index("ix_text_sessions_waits_until", "waits_until", postgresql_where=sa.text("waits_until IS NOT NULL")),
    sa.Index("ix_text_sessions_ended_at", "ended_at", postgresql_where=sa.text("ended_at IS NOT NULL")),
    sa.Index("uq_text_sessions_open", "number_id", "theirs", unique=True, postgresql_where=sa.text("ended_at IS NULL")),
)

text_events = sa.Table(
    "text_events",
    metadata,
    sa.Column(
        "text_session_id", sa.BigInteger, sa.ForeignKey("text_sessions.id", ondelete="CASCADE"), primary_key=True
    ),
    sa.Column("seq", sa.Integer, primary_key=True),
    time("at", nullable=False),
    sa.Column("body", sa.JSON, nullable=False, comment="A line of the journal, redacted."),
)

text_turns = sa.Table(
    "text_turns",
    metadata,
    row_id(),
    sa.Column("number_id", sa.BigInteger, nullable=False),
    sa.Column("theirs", sa.Text, nullable=False),
    sa.Column("what", sa.Text, nullable=False),
    sa.Column("sms_id", sa.BigInteger, nullable=True, comment="The text that is to be answered."),
    sa.Column("body", sa.LargeBinary, nullable=True, comment="What it says, sealed."),
    sa.Column("tries", sa.Integer, nullable=False, server_default="0"),
    sa.Column(
        "due_at", sa.Double, nullable=False, comment="When it may be claimed: at the end of its lease, where it was."
    ),
    sa.CheckConstraint("what IN ('text','stop','expired','after')", name="what"),
    sa.Index("ix_text_turns_pair", "number_id", "theirs", "id"),
    sa.Index("ix_text_turns_due_at", "due_at"),
    comment="What has come for conversations by text and was not taken in yet; of one pair of numbers the oldest comes first.",
)
