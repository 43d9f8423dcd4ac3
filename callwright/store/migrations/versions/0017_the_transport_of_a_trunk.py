"""the transport of a trunk"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.add_column("trunks", sa.Column("transport", sa.Text(), nullable=False, server_default="udp"))
    op.create_check_constraint(op.f("ck_trunks_transport"), "trunks", "transport IN ('udp','tcp','tls')")
