"""what was seen of a call's legs: SIP messages and figures of the media"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.create_table(
        "call_legs",
        sa.Column("sip_call_id", sa.Text(), nullable=False),
        sa.Column("began_at", sa.Double(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("call_id", sa.BigInteger(), nullable=True, comment="NULL: nobody answered."),
        sa.Column("outbound_call_id", sa.BigInteger(), nullable=True),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("us", sa.Text(), nullable=False, comment="IP address and port of ours."),
        sa.Column("ended_at", sa.Double(), nullable=False),
        sa.Column("ending", sa.Text(), nullable=False),
        sa.Column("media", sa.JSON(), nullable=False, comment="telephony.media_events.MediaStats"),
        sa.Column("messages", sa.LargeBinary(), nullable=False, comment="sip.ladder.packed"),
        sa.PrimaryKeyConstraint("sip_call_id", "began_at", name=op.f("pk_call_legs")),
        sa.CheckConstraint("role IN ('caller','called','transfer')", name=op.f("ck_call_legs_role")),
        postgresql_partition_by="RANGE (began_at)",
        comment="What was seen of legs: SIP messages and figures of the media.",
    )
    op.create_index("ix_call_legs_call_id", "call_legs", ["call_id"], postgresql_where=sa.text("call_id IS NOT NULL"))
    op.create_index(
        "ix_call_legs_outbound_call_id",
        "call_legs",
        ["outbound_call_id"],
        postgresql_where=sa.text("outbound_call_id IS NOT NULL"),
    )
    op.create_index("ix_call_legs_account_id_began_at", "call_legs", ["account_id", "began_at"])
    op.execute("CREATE TABLE call_legs_default PARTITION OF call_legs DEFAULT")
