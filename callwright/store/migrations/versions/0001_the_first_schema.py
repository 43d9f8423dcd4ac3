"""the first schema"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("secure_environment", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column(
            "webhook_secret", sa.LargeBinary(), nullable=False, comment="Signs result_url posts (Standard Webhooks)."
        ),
        sa.Column("result_url_json", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("created_at", sa.Double(), server_default=sa.text("extract(epoch from now())"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts")),
    )
    op.create_table(
        "call_events",
        sa.Column("call_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column(
            "body", sa.JSON(), nullable=False, comment="An entry of the journal (session/codec.py), already redacted."
        ),
        sa.PrimaryKeyConstraint("call_id", "seq", name=op.f("pk_call_events")),
    )
    op.create_table(
        "engines",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column(
            "server_id", sa.Integer(), nullable=False, comment="First part of its session ids; never given out twice."
        ),
        sa.Column("started_at", sa.Double(), nullable=False),
        sa.Column("heartbeat_at", sa.Double(), nullable=False),
        sa.Column("stopped_at", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_engines")),
        sa.UniqueConstraint("server_id", name=op.f("uq_engines_server_id")),
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False, comment="SHA-256 of method, path and body."),
        sa.Column("status", sa.Integer(), nullable=True, comment="NULL while the first request runs."),
        sa.Column("body", sa.Text(), nullable=True),
        sa.Column("created_at", sa.Double(), server_default=sa.text("extract(epoch from now())"), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_idempotency_keys_account_id")),
        sa.PrimaryKeyConstraint("account_id", "key", name=op.f("pk_idempotency_keys")),
    )
    op.create_table(
        "trunks",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("port", sa.Integer(), nullable=False),
        sa.Column(
            "prefix", sa.Text(), server_default="", nullable=False, comment="Numbers that it takes; the longest wins."
        ),
        sa.Column("channels", sa.Integer(), nullable=False),
        sa.Column("calls_per_second", sa.Double(), nullable=False),
        sa.Column("caller_id", sa.Text(), server_default="", nullable=False),
        sa.Column("enabled", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("tokens", sa.Double(), server_default="0", nullable=False, comment="Calls that may begin now."),
        sa.Column("tokens_at", sa.Double(), server_default="0", nullable=False),
        sa.Column("created_at", sa.Double(), server_default=sa.text("extract(epoch from now())"), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_trunks_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trunks")),
    )
    op.create_index("ix_trunks_account_id", "trunks", ["account_id"], unique=False)
    op.create_table(
        "users",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False, comment="argon2id"),
        sa.Column("developer_key_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("created_at", sa.Double(), server_default=sa.text("extract(epoch from now())"), nullable=False),
        sa.Column("deleted_at", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_users_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
    )
    op.create_index("uq_users_email", "users", [sa.literal_column("lower(email)")], unique=True)
    op.create_table(
        "applications",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("draft", sa.JSON(), nullable=True, comment="JSON and not jsonb: an author's order of keys is kept."),
        sa.Column("created_at", sa.Double(), server_default=sa.text("extract(epoch from now())"), nullable=False),
        sa.Column("deleted_at", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_applications_account_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_applications_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_applications")),
    )
    op.create_index("ix_applications_account_id", "applications", ["account_id"], unique=False)
    op.create_table(
        "application_versions",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("application_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.Double(), server_default=sa.text("extract(epoch from now())"), nullable=False),
        sa.ForeignKeyConstraint(
            ["application_id"], ["applications.id"], name=op.f("fk_application_versions_application_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_application_versions")),
        sa.UniqueConstraint("application_id", "number", name=op.f("uq_application_versions_application_id_number")),
        comment="Immutable: a trigger refuses every UPDATE.",
    )
    op.create_table(
        "deployments",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("application_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=True, comment="NULL: the latest published one."),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Double(), server_default=sa.text("extract(epoch from now())"), nullable=False),
        sa.Column("deleted_at", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_deployments_account_id")),
        sa.ForeignKeyConstraint(["application_id"], ["applications.id"], name=op.f("fk_deployments_application_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_deployments_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deployments")),
    )
    op.create_index("ix_deployments_account_id", "deployments", ["account_id"], unique=False)
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
        sa.Column("started_at", sa.Double(), nullable=False),
        sa.Column("ended_at", sa.Double(), nullable=True),
        sa.Column("outcome", sa.Text(), server_default="", nullable=False),
        sa.Column("cause", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "recording", sa.Text(), server_default="", nullable=False, comment="Path below the recordings directory."
        ),
        sa.CheckConstraint("direction IN ('inbound','outbound','transfer')", name=op.f("ck_calls_direction")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_calls_account_id")),
        sa.ForeignKeyConstraint(["application_id"], ["applications.id"], name=op.f("fk_calls_application_id")),
        sa.ForeignKeyConstraint(["deployment_id"], ["deployments.id"], name=op.f("fk_calls_deployment_id")),
        sa.ForeignKeyConstraint(["engine_id"], ["engines.id"], name=op.f("fk_calls_engine_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_calls_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calls")),
        sa.UniqueConstraint("session_id", name=op.f("uq_calls_session_id")),
        postgresql_with={"fillfactor": "80"},
    )
    op.create_index("ix_calls_account_id_started_at", "calls", ["account_id", "started_at"], unique=False)
    op.create_index("ix_calls_open", "calls", ["engine_id"], unique=False, postgresql_where=sa.text("ended_at IS NULL"))
    op.create_index("ix_calls_user_id_started_at", "calls", ["user_id", "started_at"], unique=False)
    op.create_table(
        "numbers",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "address", sa.Text(), nullable=False, comment="What is dialled: digits, or the user part of a SIP URI."
        ),
        sa.Column("sms", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("deployment_id", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.Double(), server_default=sa.text("extract(epoch from now())"), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_numbers_account_id")),
        sa.ForeignKeyConstraint(["deployment_id"], ["deployments.id"], name=op.f("fk_numbers_deployment_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_numbers_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_numbers")),
        sa.UniqueConstraint("address", name=op.f("uq_numbers_address")),
    )
    op.create_table(
        "outbound_calls",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("application_id", sa.BigInteger(), nullable=False),
        sa.Column("deployment_id", sa.BigInteger(), nullable=False),
        sa.Column("trunk_id", sa.BigInteger(), nullable=True),
        sa.Column("phone_number", sa.Text(), nullable=False, comment="As the client gave it."),
        sa.Column("dialled", sa.Text(), nullable=False),
        sa.Column("ani", sa.Text(), nullable=False),
        sa.Column("postd", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="queued", nullable=False),
        sa.Column("cause", sa.Text(), server_default="", nullable=False),
        sa.Column("attempt_id", sa.BigInteger(), nullable=True, comment="The attempt that has it now."),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("max_attempts", sa.Integer(), nullable=False),
        sa.Column("reattempt_wait_s", sa.Integer(), nullable=False),
        sa.Column("metadata", sa.JSON(), nullable=False),
        sa.Column("result_url", sa.Text(), nullable=False),
        sa.Column("is_pci", sa.Boolean(), nullable=False),
        sa.Column("queued_at", sa.Double(), nullable=False),
        sa.Column("due_at", sa.Double(), nullable=False),
        sa.Column("start_at", sa.Double(), nullable=True),
        sa.Column("end_at", sa.Double(), nullable=True),
        sa.Column("connected_at", sa.Double(), nullable=True),
        sa.Column("ended_at", sa.Double(), nullable=True),
        sa.CheckConstraint(
            "status IN ('queued','dialing','connected','completed','failed','canceled','rejected')",
            name=op.f("ck_outbound_calls_status"),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_outbound_calls_account_id")),
        sa.ForeignKeyConstraint(["application_id"], ["applications.id"], name=op.f("fk_outbound_calls_application_id")),
        sa.ForeignKeyConstraint(["deployment_id"], ["deployments.id"], name=op.f("fk_outbound_calls_deployment_id")),
        sa.ForeignKeyConstraint(
            ["trunk_id"], ["trunks.id"], name=op.f("fk_outbound_calls_trunk_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_outbound_calls_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbound_calls")),
        postgresql_with={"fillfactor": "80", "autovacuum_vacuum_scale_factor": "0.02"},
    )
    op.create_index("ix_outbound_calls_account_id", "outbound_calls", ["account_id", "id"], unique=False)
    op.create_index(
        "ix_outbound_calls_due",
        "outbound_calls",
        ["trunk_id", "due_at", "id"],
        unique=False,
        postgresql_where=sa.text("status = 'queued' AND attempt_id IS NULL"),
    )
    op.create_index(
        "ix_outbound_calls_pending",
        "outbound_calls",
        ["deployment_id"],
        unique=False,
        postgresql_where=sa.text("status = 'queued'"),
    )
    op.create_index(
        "ix_outbound_calls_window",
        "outbound_calls",
        ["end_at"],
        unique=False,
        postgresql_where=sa.text("status = 'queued' AND end_at IS NOT NULL"),
    )
    op.create_table(
        "callbacks",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("outbound_call_id", sa.BigInteger(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="pending", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("due_at", sa.Double(), nullable=False),
        sa.Column("created_at", sa.Double(), server_default=sa.text("extract(epoch from now())"), nullable=False),
        sa.CheckConstraint("state IN ('pending','delivered','failed')", name=op.f("ck_callbacks_state")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_callbacks_account_id")),
        sa.ForeignKeyConstraint(
            ["outbound_call_id"], ["outbound_calls.id"], name=op.f("fk_callbacks_outbound_call_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_callbacks")),
    )
    op.create_index(
        "ix_callbacks_due", "callbacks", ["due_at"], unique=False, postgresql_where=sa.text("state = 'pending'")
    )
    op.create_index("ix_callbacks_outbound_call_id", "callbacks", ["outbound_call_id"], unique=False)
    op.create_table(
        "outbound_attempts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("outbound_call_id", sa.BigInteger(), nullable=False),
        sa.Column("trunk_id", sa.BigInteger(), nullable=True),
        sa.Column("engine_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), server_default="claimed", nullable=False),
        sa.Column("sip_call_id", sa.Text(), server_default="", nullable=False),
        sa.Column("outcome", sa.Text(), server_default="", nullable=False),
        sa.Column("cause", sa.Text(), server_default="", nullable=False),
        sa.Column("claimed_at", sa.Double(), nullable=False),
        sa.Column("dialed_at", sa.Double(), nullable=True),
        sa.Column("connected_at", sa.Double(), nullable=True),
        sa.Column("ended_at", sa.Double(), nullable=True),
        sa.CheckConstraint(
            "state IN ('claimed','dialing','connected','ended')", name=op.f("ck_outbound_attempts_state")
        ),
        sa.ForeignKeyConstraint(["engine_id"], ["engines.id"], name=op.f("fk_outbound_attempts_engine_id")),
        sa.ForeignKeyConstraint(
            ["outbound_call_id"],
            ["outbound_calls.id"],
            name=op.f("fk_outbound_attempts_outbound_call_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["trunk_id"], ["trunks.id"], name=op.f("fk_outbound_attempts_trunk_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbound_attempts")),
        postgresql_with={"fillfactor": "80", "autovacuum_vacuum_scale_factor": "0.02"},
    )
    op.create_index(
        "ix_outbound_attempts_active",
        "outbound_attempts",
        ["trunk_id", "engine_id"],
        unique=False,
        postgresql_where=sa.text("state <> 'ended'"),
    )
    op.create_index("ix_outbound_attempts_outbound_call_id", "outbound_attempts", ["outbound_call_id"], unique=False)
    op.create_table(
        "outbound_events",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("outbound_call_id", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["outbound_call_id"],
            ["outbound_calls.id"],
            name=op.f("fk_outbound_events_outbound_call_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbound_events")),
    )
    op.create_index("ix_outbound_events_outbound_call_id", "outbound_events", ["outbound_call_id"], unique=False)
    op.create_table(
        "callback_attempts",
        sa.Column("callback_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True, comment="HTTP status; NULL where no answer came."),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("duration_ms", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["callback_id"], ["callbacks.id"], name=op.f("fk_callback_attempts_callback_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("callback_id", "number", name=op.f("pk_callback_attempts")),
    )
    op.execute(
        """
        CREATE FUNCTION refuse_update() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'a published version never changes';
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER application_versions_immutable BEFORE UPDATE ON application_versions "
        "FOR EACH ROW EXECUTE FUNCTION refuse_update()"
    )
