"""mail about texts that were refused"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.add_column("accounts", sa.Column("notification_email", sa.Text(), server_default="", nullable=False))
