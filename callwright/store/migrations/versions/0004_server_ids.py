"""server ids of their own: an engine leases several"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.execute(sa.schema.CreateSequence(sa.Sequence("server_ids", start=100_001)))
    op.execute("SELECT setval('server_ids', max(server_id)) FROM engines HAVING count(*) > 0")
    op.alter_column("engines", "server_id", comment="First of its server ids; never given out twice.")
