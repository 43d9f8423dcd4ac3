"""bindings know by what hosts their telephone calls us"""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    op.add_column(
        "phone_bindings",
        sa.Column(
            "domains",
            sa.ARRAY(sa.Text()),
            nullable=False,
            server_default="{}",
            comment="Hosts by which the telephone calls us, lower case.",
        ),
    )
