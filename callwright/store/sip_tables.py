"""The tables of telephones, and of our registrations at trunks (store/tables.py)."""

import sqlalchemy as sa

from callwright.store.columns import created, metadata, ref, row_id, time

phones = sa.Table(
    "phones",
    metadata,
    row_id(),
    ref("account_id", "accounts"),
    ref("user_id", "users"),
    sa.Column("name", sa.Text, nullable=False, comment="Its user name, in SIP and in digest answers."),
    sa.Column("extension", sa.Text, nullable=True, comment="Digits that the account's other telephones dial."),
    sa.Column("display_name", sa.Text, nullable=False, server_default=""),
    sa.Column("enabled", sa.Boolean, nullable=False, server_default=sa.true()),
    sa.Column("calls_out", sa.Boolean, nullable=False, server_default=sa.false(), comment="By the account's trunks."),
    sa.Column("digest", sa.Text, nullable=False, server_default="md5", comment="What it answers challenges with."),
    sa.Column("sealed_secret", sa.LargeBinary, nullable=False),
    created(),
    sa.UniqueConstraint("name"),
    sa.CheckConstraint("digest IN ('md5','sha-256','both')", name="digest"),
    sa.UniqueConstraint("account_id", "extension"),
)

phone_bindings = sa.Table(
    "phone_bindings",
    metadata,
    sa.Column("phone_id", sa.BigInteger, sa.ForeignKey("phones.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("key", sa.Text, primary_key=True, comment="What a later REGISTER replaces it by."),
    ref("account_id", "accounts"),
    sa.Column("uri", sa.Text, nullable=False, comment="Its Contact."),
    sa.Column("path", sa.ARRAY(sa.Text), nullable=False),
    sa.Column("host", sa.Text, nullable=False, comment="Where the REGISTER came from, and the port."),
    sa.Column("port", sa.Integer, nullable=False),
    sa.Column("transport", sa.Text, nullable=False),
    ref("engine_id", "engines"),
    sa.Column("call_id", sa.Text, nullable=False),
    sa.Column("sequence", sa.BigInteger, nullable=False),
    sa.Column("quality", sa.Double, nullable=False),
    sa.Column("user_agent", sa.Text, nullable=False),
    time("registered_at", nullable=False),
    time("expires_at", nullable=False),
    sa.Index("ix_phone_bindings_expires_at", "expires_at"),
    comment="Where a telephone is for now (RFC 3261 §10).",
)

trunk_registrations = sa.Table(
    "trunk_registrations",
    metadata,
    sa.Column("trunk_id", sa.BigInteger, sa.ForeignKey("trunks.id", ondelete="CASCADE"), primary_key=True),
    ref("account_id", "accounts"),
    sa.Column("contact", sa.Text, nullable=False, comment="User of our Contact."),
    sa.Column("engine_id", sa.BigInteger, sa.ForeignKey("engines.id"), nullable=True, comment="That registers it."),
    sa.Column("leased_until", sa.Double, nullable=False, server_default="0"),
    sa.Column("state", sa.Text, nullable=False, server_default="waiting"),
    sa.Column("reason", sa.Text, nullable=False, server_default=""),
    time("expires_at"),
    sa.Column("changed_at", sa.Double, nullable=False, server_default=sa.text("extract(epoch from now())")),
    sa.UniqueConstraint("contact"),
    sa.CheckConstraint("state IN ('waiting','registered','failed')", name="state"),
)
