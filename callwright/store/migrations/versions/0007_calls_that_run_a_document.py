"""outbound calls that run a document and not a deployment's application: DEV outbound"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "campaigns",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "name",
            sa.Text(),
            nullable=False,
            comment="Of DEV outbound calls; the one without a name is for single calls.",
        ),
        sa.Column("parameters", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("created_at", sa.Double(), server_default=sa.text("extract(epoch from now())"), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_campaigns_account_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_campaigns_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaigns")),
        sa.UniqueConstraint("user_id", "name", name=op.f("uq_campaigns_user_id_name")),
    )
    op.create_index("ix_campaigns_account_id", "campaigns", ["account_id"])
    op.add_column("accounts", sa.Column("start_url_get", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.add_column(
        "users",
        sa.Column(
            "pin_hash", sa.Text(), nullable=True, comment="argon2id of the PIN of DEV outbound; NULL: none is set."
        ),
    )
    op.add_column(
        "outbound_calls",
        sa.Column(
            "start_url",
            sa.Text(),
            server_default=sa.text("''"),
            nullable=False,
            comment="The document that it runs in their place.",
        ),
    )
    op.add_column("outbound_calls", sa.Column("campaign_id", sa.BigInteger(), nullable=True))
    for name in ("message_reference", "call_parameters"):
        op.add_column("outbound_calls", sa.Column(name, sa.Text(), server_default=sa.text("''"), nullable=False))
    op.create_foreign_key(op.f("fk_outbound_calls_campaign_id"), "outbound_calls", "campaigns", ["campaign_id"], ["id"])
    op.create_index(
        "ix_outbound_calls_campaign_id",
        "outbound_calls",
        ["campaign_id"],
        postgresql_where=sa.text("campaign_id IS NOT NULL"),
    )
    for table in ("outbound_calls", "calls"):
        for name in ("application_id", "deployment_id"):
            op.alter_column(table, name, nullable=True)
    op.alter_column("calls", "version_id", nullable=True, comment="NULL, as the two above: the call runs a document.")
    op.create_check_constraint(
        op.f("ck_outbound_calls_runs"), "outbound_calls", "(deployment_id IS NULL) = (start_url <> '')"
    )
