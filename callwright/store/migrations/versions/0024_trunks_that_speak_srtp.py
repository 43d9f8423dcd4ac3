"""trunks that speak SRTP"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    op.add_column(
        "trunks",
        sa.Column(
            "srtp", sa.Boolean(), nullable=False, server_default=sa.false(), comment="Offered, and nothing else."
        ),
    )
