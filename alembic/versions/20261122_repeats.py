"""a person's answers by their age"""

from alembic import op


revision = 'b4e07d51c9a8'
down_revision = '7c1f0a9d52b3'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index('ix_idempotency_key_user_created', 'idempotency_key', ['user_id', 'created_at'])


def downgrade() -> None:
    op.drop_index('ix_idempotency_key_user_created', table_name='idempotency_key')
