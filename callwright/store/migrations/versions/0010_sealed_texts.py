"""texts that are private are kept sealed until their carrier has them"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.add_column(
        "sms_messages",
        sa.Column("sealed", sa.LargeBinary(), nullable=True, comment="A private text, until its carrier has it."),
    )
