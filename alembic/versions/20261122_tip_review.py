"""tips: decisions are found by when they were made"""

from alembic import op


revision = 'd27f60b9e148'
down_revision = 'c81d5e3f0a27'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index('ix_tip_decision_at', 'tip_decision', ['at'])


def downgrade() -> None:
    op.drop_index('ix_tip_decision_at', 'tip_decision')
