"""header fields that calls of the queue are sent with"""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"


def upgrade() -> None:
    op.add_column(
        "outbound_calls",
        sa.Column(
            "sip_headers", sa.JSON(), nullable=False, server_default="{}", comment="By name, that its INVITE has."
        ),
    )
