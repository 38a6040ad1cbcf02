"""whose turn it is to be sent a tip, and what was there to be seen"""

import sqlalchemy as sa
from alembic import op


revision = 'd27c5b80e1f4'
down_revision = 'd27f60b9e148'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('push_turn',
    sa.Column('user_id', sa.Integer(), nullable=False),
    sa.Column('next_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('failures', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['user_account.id'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('user_id')
    )
    op.create_index('ix_push_turn_next_at', 'push_turn', ['next_at'])
    op.execute('INSERT INTO push_turn (user_id, next_at, failures) '
               'SELECT user_id, min(created_at), 0 FROM push_subscription GROUP BY user_id')
    agent = sa.Column('user_agent', sa.String(length=400), nullable=False, server_default='')
    op.add_column('push_subscription', agent)
    op.add_column('telling', sa.Column('about', sa.String(length=160), nullable=False, server_default=''))
    op.add_column('telling', sa.Column('shown_at', sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column('push_subscription', 'user_agent')
    op.drop_column('telling', 'shown_at')
    op.drop_column('telling', 'about')
    op.drop_table('push_turn')
