"""what DEV's application API sets for a number"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    for name, comment in (
        ("asr", "Recogniser; empty: the platform's first."),
        ("tts", "Synthesizer; empty: the platform's first."),
        ("url", "Of a VoiceXML application."),
    ):
        op.add_column("numbers", sa.Column(name, sa.Text(), server_default="", nullable=False, comment=comment))
