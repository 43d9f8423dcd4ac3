"""codecs and authorities of trunks"""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    op.add_column(
        "trunks",
        sa.Column("codecs", sa.ARRAY(sa.Text()), nullable=False, server_default="{}", comment="By name, in order."),
    )
    op.add_column(
        "trunks",
        sa.Column(
            "certificate_authority",
            sa.Text(),
            nullable=False,
            server_default="",
            comment="PEM; alone may sign its certificate.",
        ),
    )
