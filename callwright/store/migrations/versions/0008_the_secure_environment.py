"""numbers and calls in the secure environment"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    for table, comment in (("numbers", "In the secure environment."), ("calls", "This row is all that is kept.")):
        column: sa.Column[bool] = sa.Column(
            "is_pci", sa.Boolean(), server_default=sa.text("false"), nullable=False, comment=comment
        )
        op.add_column(table, column)
    op.create_check_constraint(op.f("ck_numbers_secure"), "numbers", "NOT (sms AND is_pci)")
