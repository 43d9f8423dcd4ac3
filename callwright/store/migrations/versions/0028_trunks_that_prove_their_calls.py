"""trunks that prove their calls by a name and a secret"""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    for column in (
        sa.Column(
            "peer_username",
            sa.Text(),
            nullable=False,
            server_default="",
            comment="Who it is to us, where its calls are challenged.",
        ),
        sa.Column("sealed_peer_secret", sa.LargeBinary(), nullable=True),
        sa.Column("peer_digest", sa.Text(), nullable=False, server_default="md5"),
    ):
        op.add_column("trunks", column)
    op.create_check_constraint(op.f("ck_trunks_peer_digest"), "trunks", "peer_digest IN ('md5','sha-256','both')")
    op.create_check_constraint(
        op.f("ck_trunks_peer_secret"), "trunks", "(peer_username = '') = (sealed_peer_secret IS NULL)"
    )
    op.create_index(
        "ix_trunks_peer_username",
        "trunks",
        ["peer_username"],
        unique=True,
        postgresql_where=sa.text("peer_username <> ''"),
    )
