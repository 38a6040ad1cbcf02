"""stats"""

import sqlalchemy as sa
from alembic import op


revision = '5d1f0a7c92b4'
down_revision = 'a91f4c20b7d3'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('usage_point',
    sa.Column('container_id', sa.Integer(), nullable=False),
    sa.Column('grain_s', sa.Integer(), nullable=False),
    sa.Column('at_s', sa.BigInteger(), nullable=False),
    sa.Column('measured_s', sa.Float(), nullable=False),
    sa.Column('cpu_percent', sa.Float(), nullable=True),
    sa.Column('mem_used_mb', sa.Float(), nullable=True),
    sa.Column('mem_total_mb', sa.Float(), nullable=True),
    sa.Column('disk_read_bytes_per_s', sa.Float(), nullable=True),
    sa.Column('disk_write_bytes_per_s', sa.Float(), nullable=True),
    sa.Column('disk_used_bytes', sa.Float(), nullable=True),
    sa.Column('net_rx_bytes_per_s', sa.Float(), nullable=True),
    sa.Column('net_tx_bytes_per_s', sa.Float(), nullable=True),
    sa.ForeignKeyConstraint(['container_id'], ['container.id'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('container_id', 'grain_s', 'at_s'),
    sqlite_with_rowid=False
    )


def downgrade() -> None:
    op.drop_table('usage_point')
