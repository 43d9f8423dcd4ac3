"""what trunks are told of callers, and whether they are believed"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    op.add_column("trunks", sa.Column("from_user", sa.Text(), nullable=False, server_default="caller"))
    for name in ("asserts_identity", "remote_party_id", "withholds_caller", "trusts_identity"):
        op.add_column("trunks", sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_check_constraint(op.f("ck_trunks_from_user"), "trunks", "from_user IN ('caller','username')")
