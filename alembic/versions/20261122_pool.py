"""machines that are kept warm"""

import sqlalchemy as sa
from alembic import op


revision = '2b7e40c9d6a1'
down_revision = '3f8a61c2d947'
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table, column in (
        ('container_type', sa.Column('poolable', sa.Boolean(), nullable=False, server_default=sa.false())),
        ('container_type', sa.Column('pool_target', sa.Integer(), nullable=False, server_default='0')),
        ('container_type', sa.Column('pool_wanted_at', sa.DateTime(timezone=True), nullable=True)),
        ('container', sa.Column('pooled', sa.Boolean(), nullable=False, server_default=sa.false())),
        ('container', sa.Column('rekeys', sa.Boolean(), nullable=False, server_default=sa.false())),
    ):
        op.add_column(table, column)
    op.create_index('ix_container_pooled', 'container', ['pooled'])


def downgrade() -> None:
    op.drop_index('ix_container_pooled', 'container')
    for table, column in (
        ('container', 'rekeys'),
        ('container', 'pooled'),
        ('container_type', 'pool_wanted_at'),
        ('container_type', 'pool_target'),
        ('container_type', 'poolable'),
    ):
        op.drop_column(table, column)
