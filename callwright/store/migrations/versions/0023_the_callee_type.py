"""the callee type of an outbound call"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    op.add_column(
        "outbound_calls",
        sa.Column(
            "callee_type", sa.Text(), nullable=False, server_default="", comment="Empty until somebody has answered."
        ),
    )
