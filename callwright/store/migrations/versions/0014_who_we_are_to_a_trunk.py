"""who we are to a trunk that asks"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.add_column("trunks", sa.Column("username", sa.Text(), nullable=False, server_default=""))
    op.add_column(
        "trunks",
        sa.Column(
            "sealed_password", sa.LargeBinary(), nullable=True, comment="For digest challenges, with `username`."
        ),
    )
