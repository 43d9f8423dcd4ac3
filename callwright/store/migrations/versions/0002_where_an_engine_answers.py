"""where an engine answers SIP, so that it can be asked before it is given up"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column(
        "engines",
        sa.Column("sip", sa.Text(), server_default="", nullable=False, comment="host:port, where OPTIONS finds it."),
    )
