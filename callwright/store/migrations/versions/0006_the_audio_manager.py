"""the audio manager, and revisions of drafts"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column(
        "applications",
        sa.Column(
            "draft_revision",
            sa.BigInteger(),
            server_default="1",
            nullable=False,
            comment="One more with each change of it.",
        ),
    )
    op.create_table(
        "audio_files",
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("file", sa.Text(), nullable=False, comment="sha256:<hex>, of its samples."),
        sa.Column("samples", sa.Integer(), nullable=False, comment="µ-law, 8000 Hz: its bytes, too."),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.Double(), server_default=sa.text("extract(epoch from now())"), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_audio_files_account_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_audio_files_user_id")),
        sa.PrimaryKeyConstraint("account_id", "file", name=op.f("pk_audio_files")),
    )
    op.create_table(
        "audio_prompts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("application_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("file", sa.Text(), nullable=True, comment="NULL: not recorded yet."),
        sa.Column("words", sa.Text(), server_default="", nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_audio_prompts_account_id")),
        sa.ForeignKeyConstraint(["application_id"], ["applications.id"], name=op.f("fk_audio_prompts_application_id")),
        sa.ForeignKeyConstraint(
            ["account_id", "file"],
            ["audio_files.account_id", "audio_files.file"],
            name=op.f("fk_audio_prompts_account_id_file"),
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_audio_prompts_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audio_prompts")),
        sa.UniqueConstraint(
            "application_id", "name", "language", name=op.f("uq_audio_prompts_application_id_name_language")
        ),
        comment="The audio manager.",
    )
