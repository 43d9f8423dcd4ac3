"""The schema, as one picture. Migrations make it (store/migrations); a test proves that they make exactly this.

Times are UNIX seconds in double precision, as the API, SIP and a session have them; ids are 64 bit.
"""

import sqlalchemy as sa

from callwright.store import sip_tables as _sip_tables  # noqa: F401 - they are of the same schema
from callwright.store import sms_tables as _sms_tables  # noqa: F401
from callwright.store.columns import created, metadata, ref, row_id, time

accounts = sa.Table(
    "accounts",
    metadata,
    row_id(),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("active", sa.Boolean, nullable=False, server_default=sa.true()),
    sa.Column("secure_environment", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("webhook_secret", sa.LargeBinary, nullable=False, comment="Signs result_url posts (Standard Webhooks)."),
    sa.Column("result_url_json", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("start_url_get", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("demo", sa.Boolean, nullable=False, server_default=sa.false(), comment="Reads no logs over DEV's API."),
    sa.Column("time_zone", sa.Text, nullable=False, server_default="America/New_York", comment="Of DEV's log lines."),
    sa.Column("details_days", sa.Integer, nullable=True, comment="NULL: as long as the platform keeps them."),
    sa.Column("calls_days", sa.Integer, nullable=True),
    sa.Column(
        "sms_blocks_account",
        sa.Boolean,
        nullable=False,
        server_default=sa.false(),
        comment="Who stops the texts of one number stops all of the account's.",
    ),
    sa.Column("sms_refusal_in_response", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column(
        "notification_url", sa.Text, nullable=False, server_default="", comment="Told of texts that are refused."
    ),
    sa.Column("notification_email", sa.Text, nullable=False, server_default=""),
    created(),
    sa.CheckConstraint("details_days >= 0", name="details_days"),
    sa.CheckConstraint("calls_days >= 1", name="calls_days"),
)

retention = sa.Table(
    "retention",
    metadata,
    sa.Column("single", sa.Boolean, primary_key=True, server_default=sa.true()),
    sa.Column("details_days", sa.Integer, nullable=False, comment="Detailed logs (call_events)."),
    sa.Column("calls_days", sa.Integer, nullable=False, comment="Calls and their errors."),
    sa.CheckConstraint("single", name="single"),
    sa.CheckConstraint("0 <= details_days AND details_days <= calls_days", name="days"),
    comment="One row: how long the platform keeps what accounts do not choose to keep for less.",
)

users = sa.Table(
    "users",
    metadata,
    row_id(),
    ref("account_id", "accounts"),
    sa.Column("email", sa.Text, nullable=False),
    sa.Column("password_hash", sa.Text, nullable=False, comment="argon2id"),
    sa.Column("developer_key_sha256", sa.LargeBinary, nullable=False),
    sa.Column("pin_hash", sa.Text, nullable=True, comment="argon2id of the PIN of DEV outbound; NULL: none is set."),
    sa.Column("active", sa.Boolean, nullable=False, server_default=sa.true()),
    created(),
    time("deleted_at"),
    sa.Index("uq_users_email", sa.text("lower(email)"), unique=True),
)

applications = sa.Table(
    "applications",
    metadata,
    row_id(),
    ref("account_id", "accounts"),
    ref("user_id", "users"),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("draft", sa.JSON, nullable=True, comment="JSON and not jsonb: an author's order of keys is kept."),
    sa.Column(
        "draft_revision", sa.BigInteger, nullable=False, server_default="1", comment="One more with each change of it."
    ),
    created(),
    time("deleted_at"),
    sa.Index("ix_applications_account_id", "account_id"),
)

application_versions = sa.Table(
    "application_versions",
    metadata,
    row_id(),
    ref("application_id", "applications"),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("document", sa.JSON, nullable=False),
    created(),
    sa.UniqueConstraint("application_id", "number"),
    comment="Immutable: a trigger refuses every UPDATE.",
)

deployments = sa.Table(
    "deployments",
    metadata,
    row_id(),
    ref("account_id", "accounts"),
    ref("user_id", "users"),
    ref("application_id", "applications"),
    sa.Column("version", sa.Integer, nullable=True, comment="NULL: the latest published one."),
    sa.Column("label", sa.Text, nullable=False),
    created(),
    time("deleted_at"),
    sa.Index("ix_deployments_account_id", "account_id"),
)

numbers = sa.Table(
    "numbers",
    metadata,
    row_id(),
    ref("account_id", "accounts"),
    ref("user_id", "users"),
    sa.Column("address", sa.Text, nullable=False, comment="What is dialled: digits, or the user part of a SIP URI."),
    sa.Column("sms", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("is_pci", sa.Boolean, nullable=False, server_default=sa.false(), comment="In the secure environment."),
    ref("deployment_id", "deployments", nullable=True),
    sa.Column("asr", sa.Text, nullable=False, server_default="", comment="Recogniser; empty: the platform's first."),
    sa.Column("tts", sa.Text, nullable=False, server_default="", comment="Synthesizer; empty: the platform's first."),
    sa.Column("url", sa.Text, nullable=False, server_default="", comment="Of a VoiceXML application."),
    sa.Column(
        "carrier_id", sa.BigInteger, sa.ForeignKey("sms_carriers.id"), nullable=True, comment="Its texts go by it."
    ),
    sa.Column("text_url", sa.Text, nullable=False, server_default="", comment="Gets each text that arrives."),
    sa.Column(
        "text_deployment_id",
        sa.BigInteger,
        sa.ForeignKey("deployments.id"),
        nullable=True,
        comment="Answers its texts.",
    ),
    sa.Column(
        "text_wait_s", sa.Double, nullable=False, server_default="259200", comment="How long it waits for an answer."
    ),
    sa.Column("texts_joined", sa.Boolean, nullable=False, server_default=sa.false(), comment="Concatenated parts."),
    sa.Column("texts_per_second", sa.Double, nullable=True, comment="NULL: as many as its carrier takes."),
    sa.Column("text_next_at", sa.Double, nullable=False, server_default="0"),
    created(),
    sa.UniqueConstraint("address"),
    sa.CheckConstraint("NOT (sms AND is_pci)", name="secure"),
)

audio_files = sa.Table(
    "audio_files",
    metadata,
    sa.Column("account_id", sa.BigInteger, sa.ForeignKey("accounts.id"), primary_key=True),
    sa.Column("file", sa.Text, primary_key=True, comment="sha256:<hex>, of its samples."),
    sa.Column("samples", sa.Integer, nullable=False, comment="µ-law, 8000 Hz: its bytes, too."),
    ref("user_id", "users"),
    created(),
)

audio_prompts = sa.Table(
    "audio_prompts",
    metadata,
    row_id(),
    ref("account_id", "accounts"),
    ref("application_id", "applications"),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("language", sa.Text, nullable=False),
    sa.Column("file", sa.Text, nullable=True, comment="NULL: not recorded yet."),
    sa.Column("words", sa.Text, nullable=False, server_default=""),
    ref("user_id", "users"),
    time("changed_at", nullable=False),
    sa.ForeignKeyConstraint(["account_id", "file"], ["audio_files.account_id", "audio_files.file"]),
    sa.UniqueConstraint("application_id", "name", "language"),
    comment="The audio manager.",
)

campaigns = sa.Table(
    "campaigns",
    metadata,
    row_id(),
    ref("account_id", "accounts"),
    ref("user_id", "users"),
    sa.Column(
        "name", sa.Text, nullable=False, comment="Of DEV outbound calls; the one without a name is for single calls."
    ),
    sa.Column("parameters", sa.Text, nullable=False, server_default=""),
    created(),
    sa.UniqueConstraint("user_id", "name"),
    sa.Index("ix_campaigns_account_id", "account_id"),
)

outbound_calls = sa.Table(
    "outbound_calls",
    metadata,
    row_id(),
    ref("account_id", "accounts"),
    ref("user_id", "users"),
    ref("application_id", "applications", nullable=True),
    ref("deployment_id", "deployments", nullable=True),
    sa.Column(
        "start_url", sa.Text, nullable=False, server_default="", comment="The document that it runs in their place."
    ),
    ref("campaign_id", "campaigns", nullable=True),
    sa.Column("message_reference", sa.Text, nullable=False, server_default=""),
    sa.Column("call_parameters", sa.Text, nullable=False, server_default=""),
    sa.Column("trunk_id", sa.BigInteger, sa.ForeignKey("trunks.id", ondelete="SET NULL"), nullable=True),
    sa.Column(
        "phone_id",
        sa.BigInteger,
        sa.ForeignKey("phones.id", ondelete="SET NULL"),
        nullable=True,
        comment="The telephone that it is for, in place of a trunk.",
    ),
    sa.Column("phone_number", sa.Text, nullable=False, comment="As the client gave it."),
    sa.Column("dialled", sa.Text, nullable=False),
    sa.Column("ani", sa.Text, nullable=False),
    sa.Column("postd", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False, server_default="queued"),
    sa.Column("cause", sa.Text, nullable=False, server_default=""),
    sa.Column("callee_type", sa.Text, nullable=False, server_default="", comment="Empty until somebody has answered."),
    sa.Column("attempt_id", sa.BigInteger, nullable=True, comment="The attempt that has it now."),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("max_attempts", sa.Integer, nullable=False),
    sa.Column("reattempt_wait_s", sa.Integer, nullable=False),
    sa.Column("metadata", sa.JSON, nullable=False),
    sa.Column("sip_headers", sa.JSON, nullable=False, server_default="{}", comment="By name, that its INVITE has."),
    sa.Column("result_url", sa.Text, nullable=False),
    sa.Column("is_pci", sa.Boolean, nullable=False),
    time("queued_at", nullable=False),
    time("due_at", nullable=False),
    time("start_at"),
    time("end_at"),
    time("connected_at"),
    time("ended_at"),
    sa.CheckConstraint(
        "status IN ('queued','dialing','connected','completed','failed','canceled','rejected')", name="status"
    ),
    sa.CheckConstraint("(deployment_id IS NULL) = (start_url <> '')", name="runs"),
    sa.Index("ix_outbound_calls_campaign_id", "campaign_id", postgresql_where=sa.text("campaign_id IS NOT NULL")),
    sa.Index("ix_outbound_calls_phone_id", "phone_id", postgresql_where=sa.text("phone_id IS NOT NULL")),
    sa.Index(
        "ix_outbound_calls_due",
        "trunk_id",
        "due_at",
        "id",
        postgresql_where=sa.text("status = 'queued' AND attempt_id IS NULL"),
    ),
    sa.Index(
        "ix_outbound_calls_telephones",
        "due_at",
        "id",
        postgresql_where=sa.text("status = 'queued' AND attempt_id IS NULL AND starts_with(dialled, 'sip:')"),
    ),
    sa.Index(
        "ix_outbound_calls_window", "end_at", postgresql_where=sa.text("status = 'queued' AND end_at IS NOT NULL")
    ),
    sa.Index("ix_outbound_calls_pending", "deployment_id", postgresql_where=sa.text("status = 'queued'")),
    sa.Index("ix_outbound_calls_account_id", "account_id", "id"),
    postgresql_with={"fillfactor": "80", "autovacuum_vacuum_scale_factor": "0.02"},
)

outbound_events = sa.Table(
    "outbound_events",
    metadata,
    row_id(),
    sa.Column(
        "outbound_call_id", sa.BigInteger, sa.ForeignKey("outbound_calls.id", ondelete="CASCADE"), nullable=False
    ),
    time("at", nullable=False),
    sa.Column("event", sa.Text, nullable=False),
    sa.Index("ix_outbound_events_outbound_call_id", "outbound_call_id"),
)

server_ids = sa.Sequence("server_ids", metadata=metadata, start=100_001)
"First parts of session ids, which engines lease."

engines = sa.Table(
    "engines",
    metadata,
    row_id(),
    sa.Column("host", sa.Text, nullable=False),
    sa.Column("server_id", sa.Integer, nullable=False, comment="First of its server ids; never given out twice."),
    sa.Column("sip", sa.Text, nullable=False, server_default="", comment="host:port, where OPTIONS finds it."),
    time("started_at", nullable=False),
    time("heartbeat_at", nullable=False),
    time("stopped_at"),
    sa.Column(
        "dials",
        sa.Boolean,
        nullable=False,
        server_default="true",
        comment="It takes calls of the queue: not once it drains.",
    ),
    sa.UniqueConstraint("server_id"),
)

outbound_attempts = sa.Table(
    "outbound_attempts",
    metadata,
    row_id(),
    sa.Column(
        "outbound_call_id", sa.BigInteger, sa.ForeignKey("outbound_calls.id", ondelete="CASCADE"), nullable=False
    ),
    sa.Column("trunk_id", sa.BigInteger, sa.ForeignKey("trunks.id", ondelete="SET NULL"), nullable=True),
    ref("engine_id", "engines"),
    sa.Column("state", sa.Text, nullable=False, server_default="claimed"),
    sa.Column("sip_call_id", sa.Text, nullable=False, server_default=""),
    sa.Column("outcome", sa.Text, nullable=False, server_default=""),
    sa.Column("cause", sa.Text, nullable=False, server_default=""),
    sa.Column("sip_status", sa.Integer, nullable=True),
    time("claimed_at", nullable=False),
    time("dialed_at"),
    time("connected_at"),
    time("ended_at"),
    sa.CheckConstraint("state IN ('claimed','dialing','connected','ended')", name="state"),
    sa.Index("ix_outbound_attempts_outbound_call_id", "outbound_call_id"),
    sa.Index("ix_outbound_attempts_active", "trunk_id", "engine_id", postgresql_where=sa.text("state <> 'ended'")),
    postgresql_with={"fillfactor": "80", "autovacuum_vacuum_scale_factor": "0.02"},
)

# -- what is kept for a time (store/partitions.py) ---------------------------------------------------
# Without foreign keys: history outlives what it names, and a partition is added and dropped without a lock on others.

calls = sa.Table(
    "calls",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
    sa.Column("account_id", sa.BigInteger, nullable=False),
    sa.Column("user_id", sa.BigInteger, nullable=False),
    sa.Column("application_id", sa.BigInteger, nullable=True),
    sa.Column("deployment_id", sa.BigInteger, nullable=True),
    sa.Column("version_id", sa.BigInteger, nullable=True, comment="NULL, as the two above: the call runs a document."),
    sa.Column("outbound_call_id", sa.BigInteger, nullable=True),
    sa.Column("engine_id", sa.BigInteger, nullable=False),
    sa.Column("session_id", sa.Text, nullable=False),
    sa.Column("sip_call_id", sa.Text, nullable=False),
    sa.Column("direction", sa.Text, nullable=False),
    sa.Column("src", sa.Text, nullable=False),
    sa.Column("dest", sa.Text, nullable=False),
    sa.Column("number", sa.Text, nullable=False, server_default="", comment="The owner's number that it belongs to."),
    sa.Column("started_at", sa.Double, primary_key=True),
    time("ended_at"),
    sa.Column("outcome", sa.Text, nullable=False, server_default=""),
    sa.Column("cause", sa.Text, nullable=False, server_default=""),
    sa.Column("recording", sa.Text, nullable=False, server_default="", comment="Path below the recordings directory."),
    sa.Column("is_pci", sa.Boolean, nullable=False, server_default=sa.false(), comment="This row is all that is kept."),
    sa.UniqueConstraint("session_id", "started_at"),
    sa.CheckConstraint("direction IN ('inbound','outbound','transfer')", name="direction"),
    sa.Index("ix_calls_user_id_started_at", "user_id", "started_at", "id"),
    sa.Index("ix_calls_user_id_number_started_at", "user_id", "number", "started_at", "id"),
    sa.Index("ix_calls_account_id_started_at", "account_id", "started_at", "id"),
    sa.Index("ix_calls_outbound_call_id", "outbound_call_id", postgresql_where=sa.text("outbound_call_id IS NOT NULL")),
    sa.Index("ix_calls_open", "engine_id", postgresql_where=sa.text("ended_at IS NULL")),
    postgresql_partition_by="RANGE (started_at)",
)

call_events = sa.Table(
    "call_events",
    metadata,
    sa.Column("call_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("at", sa.Double, primary_key=True),
    sa.Column("body", sa.JSON, nullable=False, comment="An entry of the journal (session/codec.py), already redacted."),
    postgresql_partition_by="RANGE (at)",
)

call_errors = sa.Table(
    "call_errors",
    metadata,
    sa.Column("call_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False, comment="Of its entry in the journal."),
    sa.Column("at", sa.Double, primary_key=True),
    sa.Column("account_id", sa.BigInteger, nullable=False),
    sa.Column("user_id", sa.BigInteger, nullable=False),
    sa.Column("session_id", sa.Text, nullable=False),
    sa.Column("direction", sa.Text, nullable=False),
    sa.Column("src", sa.Text, nullable=False),
    sa.Column("dest", sa.Text, nullable=False),
    sa.Column("number", sa.Text, nullable=False),
    sa.Column("message", sa.Text, nullable=False),
    sa.Index("ix_call_errors_user_id_at", "user_id", "at"),
    sa.Index("ix_call_errors_account_id_at", "account_id", "at"),
    postgresql_partition_by="RANGE (at)",
    comment="What went wrong in calls: kept longer than the journals that it stands in too.",
)

call_legs = sa.Table(
    "call_legs",
    metadata,
    sa.Column("sip_call_id", sa.Text, primary_key=True),
    sa.Column("began_at", sa.Double, primary_key=True),
    sa.Column("account_id", sa.BigInteger, nullable=False),
    sa.Column("user_id", sa.BigInteger, nullable=False),
    sa.Column("call_id", sa.BigInteger, nullable=True, comment="NULL: nobody answered."),
    sa.Column("outbound_call_id", sa.BigInteger, nullable=True),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("us", sa.Text, nullable=False, comment="IP address and port of ours."),
    sa.Column("ended_at", sa.Double, nullable=False),
    sa.Column("ending", sa.Text, nullable=False),
    sa.Column("media", sa.JSON, nullable=False, comment="telephony.media_events.MediaStats"),
    sa.Column("messages", sa.LargeBinary, nullable=False, comment="sip.ladder.packed"),
    sa.CheckConstraint("role IN ('caller','called','transfer')", name="role"),
    sa.Index("ix_call_legs_call_id", "call_id", postgresql_where=sa.text("call_id IS NOT NULL")),
    sa.Index(
        "ix_call_legs_outbound_call_id", "outbound_call_id", postgresql_where=sa.text("outbound_call_id IS NOT NULL")
    ),
    sa.Index("ix_call_legs_account_id_began_at", "account_id", "began_at"),
    postgresql_partition_by="RANGE (began_at)",
    comment="What was seen of legs: SIP messages and figures of the media.",
)

call_counts = sa.Table(
    "call_counts",
    metadata,
    sa.Column("user_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("number", sa.Text, primary_key=True, comment="Empty: all of the user's calls."),
    sa.Column("width_s", sa.Integer, primary_key=True, autoincrement=False, comment="A minute or a day."),
    sa.Column("start_at", sa.BigInteger, primary_key=True, autoincrement=False, comment="A multiple of width_s."),
    sa.Column("account_id", sa.BigInteger, nullable=False),
    sa.Column("calls", sa.BigInteger, nullable=False),
    sa.Index("ix_call_counts_account_id", "account_id", "number", "width_s", "start_at"),
    postgresql_partition_by="RANGE (start_at)",
    comment="How many ended calls began in each minute and day (store/call_counts.py).",
)

transcriptions = sa.Table(
    "transcriptions",
    metadata,
    sa.Column("transcription_id", sa.Uuid, primary_key=True, comment="The id that clients know."),
    sa.Column("requested_at", sa.Double, primary_key=True),
    sa.Column("account_id", sa.BigInteger, nullable=False),
    sa.Column("user_id", sa.BigInteger, nullable=False),
    sa.Column("language", sa.Text, nullable=False),
    sa.Column("message", sa.Text, nullable=False, comment="What was said."),
    sa.Column("duration_s", sa.Double, nullable=False),
    sa.Column("responded_at", sa.Double, nullable=False),
    sa.Index("ix_transcriptions_account_id_requested_at", "account_id", "requested_at"),
    postgresql_partition_by="RANGE (requested_at)",
)

callbacks = sa.Table(
    "callbacks",
    metadata,
    row_id(),
    ref("account_id", "accounts"),
    sa.Column("outbound_call_id", sa.BigInteger, sa.ForeignKey("outbound_calls.id", ondelete="CASCADE"), nullable=True),
    sa.Column("sms_id", sa.BigInteger, nullable=True, comment="Of a text."),
    sa.Column("fields", sa.JSON, nullable=True, comment="What is posted; NULL: the call's details."),
    sa.Column("fields_json", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column(
        "reads_reply",
        sa.Boolean,
        nullable=False,
        server_default=sa.false(),
        comment="The answer holds texts to be sent.",
    ),
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False, server_default="pending"),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    time("due_at", nullable=False),
    created(),
    sa.CheckConstraint("state IN ('pending','delivered','failed')", name="state"),
    sa.CheckConstraint("(outbound_call_id IS NULL) = (sms_id IS NOT NULL AND fields IS NOT NULL)", name="of"),
    sa.Index("ix_callbacks_sms_id", "sms_id", postgresql_where=sa.text("sms_id IS NOT NULL")),
    sa.Index("ix_callbacks_due", "due_at", postgresql_where=sa.text("state = 'pending'")),
    sa.Index("ix_callbacks_outbound_call_id", "outbound_call_id"),
)

callback_attempts = sa.Table(
    "callback_attempts",
    metadata,
    sa.Column("callback_id", sa.BigInteger, sa.ForeignKey("callbacks.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    time("at", nullable=False),
    sa.Column("status", sa.Integer, nullable=True, comment="HTTP status; NULL where no answer came."),
    sa.Column("error", sa.Text, nullable=False),
    sa.Column("duration_ms", sa.Integer, nullable=False),
)

idempotency_keys = sa.Table(
    "idempotency_keys",
    metadata,
    sa.Column("account_id", sa.BigInteger, sa.ForeignKey("accounts.id"), primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("fingerprint", sa.LargeBinary, nullable=False, comment="SHA-256 of method, path and body."),
    sa.Column("status", sa.Integer, nullable=True, comment="NULL while the first request runs."),
    sa.Column("body", sa.Text, nullable=True),
    created(),
)

__all__ = ["metadata"]
