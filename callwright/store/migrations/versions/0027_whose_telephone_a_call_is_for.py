"""calls of the queue name their telephone; engines say whether they dial"""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    op.add_column(
        "engines",
        sa.Column(
            "dials",
            sa.Boolean(),
            nullable=False,
            server_default="true",
            comment="It takes calls of the queue: not once it drains.",
        ),
    )
    op.add_column(
        "outbound_calls",
        sa.Column(
            "phone_id", sa.BigInteger(), nullable=True, comment="The telephone that it is for, in place of a trunk."
        ),
    )
    op.create_foreign_key(
        op.f("fk_outbound_calls_phone_id"), "outbound_calls", "phones", ["phone_id"], ["id"], ondelete="SET NULL"
    )
    op.create_index(
        "ix_outbound_calls_phone_id", "outbound_calls", ["phone_id"], postgresql_where=sa.text("phone_id IS NOT NULL")
    )
    # Those that still wait were queued by a name or an extension.
    op.execute(
        """
        UPDATE outbound_calls c SET phone_id = (
            SELECT p.id FROM phones p WHERE p.account_id = c.account_id AND c.dialled IN (
                'sip:' || p.extension || '@callwright', 'sip:' || p.name || '@callwright')
            ORDER BY c.dialled IS NOT DISTINCT FROM 'sip:' || p.extension || '@callwright' DESC LIMIT 1)
        WHERE starts_with(c.dialled, 'sip:') AND c.ended_at IS NULL
        """
    )
