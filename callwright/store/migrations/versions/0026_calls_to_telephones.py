"""calls to telephones"""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    op.create_index(
        "ix_outbound_calls_telephones",
        "outbound_calls",
        ["due_at", "id"],
        postgresql_where=sa.text("status = 'queued' AND attempt_id IS NULL AND starts_with(dialled, 'sip:')"),
    )
