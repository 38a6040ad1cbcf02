"""checkpoints"""

import sqlalchemy as sa
from alembic import op


revision = '5d2e8c41b7a3'
down_revision = '1f6b2c9ae4d0'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('checkpoint',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('container_id', sa.Integer(), nullable=False),
    sa.Column('turn_id', sa.Integer(), nullable=True),
    sa.Column('tag', sa.String(length=40), nullable=False),
    sa.Column('disk', sa.String(length=80), nullable=False),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('is_still', sa.Boolean(), nullable=False),
    sa.Column('paused_ms', sa.Integer(), nullable=False),
    sa.Column('message', sa.String(length=500), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['container_id'], ['container.id'], ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['turn_id'], ['ai_turn.id'], ondelete='SET NULL'),
    sa.PrimaryKeyConstraint('id')
    )
    with op.batch_alter_table('checkpoint', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_checkpoint_container_id'), ['container_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_checkpoint_turn_id'), ['turn_id'], unique=False)
    op.add_column('container', sa.Column('restore_to', sa.String(length=40), nullable=False, server_default=''))
    op.add_column('container', sa.Column('checkpoints_due', sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    op.drop_column('container', 'checkpoints_due')
    op.drop_column('container', 'restore_to')
    op.drop_table('checkpoint')
