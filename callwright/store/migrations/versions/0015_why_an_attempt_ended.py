"""the SIP status that an attempt was refused with"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.add_column("outbound_attempts", sa.Column("sip_status", sa.Integer(), nullable=True))
