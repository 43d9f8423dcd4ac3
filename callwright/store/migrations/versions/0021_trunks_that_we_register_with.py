"""trunks that we register with, and where their calls go that no number takes"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    op.add_column("trunks", sa.Column("registers", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("trunks", sa.Column("register_expires_s", sa.Integer(), nullable=False, server_default="3600"))
    op.add_column(
        "trunks",
        sa.Column("deployment_id", sa.BigInteger(), nullable=True, comment="Takes its calls that no number takes."),
    )
    op.create_foreign_key(op.f("fk_trunks_deployment_id"), "trunks", "deployments", ["deployment_id"], ["id"])
    op.create_table(
        "trunk_registrations",
        sa.Column("trunk_id", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("contact", sa.Text(), nullable=False, comment="User of our Contact."),
        sa.Column("engine_id", sa.BigInteger(), nullable=True, comment="That registers it."),
        sa.Column("leased_until", sa.Double(), nullable=False, server_default="0"),
        sa.Column("state", sa.Text(), nullable=False, server_default="waiting"),
        sa.Column("reason", sa.Text(), nullable=False, server_default=""),
        sa.Column("expires_at", sa.Double(), nullable=True),
        sa.Column("changed_at", sa.Double(), nullable=False, server_default=sa.text("extract(epoch from now())")),
        sa.PrimaryKeyConstraint("trunk_id", name=op.f("pk_trunk_registrations")),
        sa.ForeignKeyConstraint(
            ["trunk_id"], ["trunks.id"], name=op.f("fk_trunk_registrations_trunk_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_trunk_registrations_account_id")),
        sa.ForeignKeyConstraint(["engine_id"], ["engines.id"], name=op.f("fk_trunk_registrations_engine_id")),
        sa.UniqueConstraint("contact", name=op.f("uq_trunk_registrations_contact")),
        sa.CheckConstraint("state IN ('waiting','registered','failed')", name=op.f("ck_trunk_registrations_state")),
    )
