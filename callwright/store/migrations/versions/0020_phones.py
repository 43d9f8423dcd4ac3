"""telephones that register, and the addresses of a trunk"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    op.create_table(
        "phones",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False, comment="Its user name, in SIP and in digest answers."),
        sa.Column("extension", sa.Text(), nullable=True, comment="Digits that the account's other telephones dial."),
        sa.Column("display_name", sa.Text(), nullable=False, server_default=""),
        sa.Column("enabled", sa.Boolean(), nullable=False, server_default=sa.true()),
        sa.Column(
            "calls_out", sa.Boolean(), nullable=False, server_default=sa.false(), comment="By the account's trunks."
        ),
        sa.Column(
            "digest", sa.Text(), nullable=False, server_default="md5", comment="What it answers challenges with."
        ),
        sa.Column("sealed_secret", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False, server_default=sa.text("extract(epoch from now())")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_phones")),
        sa.CheckConstraint("digest IN ('md5','sha-256','both')", name=op.f("ck_phones_digest")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_phones_account_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_phones_user_id")),
        sa.UniqueConstraint("name", name=op.f("uq_phones_name")),
        sa.UniqueConstraint("account_id", "extension", name=op.f("uq_phones_account_id_extension")),
    )
    op.create_table(
        "phone_bindings",
        sa.Column("phone_id", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False, comment="What a later REGISTER replaces it by."),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("uri", sa.Text(), nullable=False, comment="Its Contact."),
        sa.Column("path", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("host", sa.Text(), nullable=False, comment="Where the REGISTER came from, and the port."),
        sa.Column("port", sa.Integer(), nullable=False),
        sa.Column("transport", sa.Text(), nullable=False),
        sa.Column("engine_id", sa.BigInteger(), nullable=False),
        sa.Column("call_id", sa.Text(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("quality", sa.Double(), nullable=False),
        sa.Column("user_agent", sa.Text(), nullable=False),
        sa.Column("registered_at", sa.Double(), nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("phone_id", "key", name=op.f("pk_phone_bindings")),
        sa.ForeignKeyConstraint(
            ["phone_id"], ["phones.id"], name=op.f("fk_phone_bindings_phone_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_phone_bindings_account_id")),
        sa.ForeignKeyConstraint(["engine_id"], ["engines.id"], name=op.f("fk_phone_bindings_engine_id")),
        comment="Where a telephone is for now (RFC 3261 §10).",
    )
    op.create_index(op.f("ix_phone_bindings_expires_at"), "phone_bindings", ["expires_at"])
    op.add_column(
        "trunks",
        sa.Column(
            "addresses", sa.ARRAY(sa.Text()), nullable=False, server_default="{}", comment="CIDRs, beside its host."
        ),
    )
