"""actions of a container: sleep, copies, console and events"""

import sqlalchemy as sa
from alembic import op


revision = '5c1f0e7ab3d2'
down_revision = '5d1f0a7c92b4'
branch_labels = None
depends_on = None

_FLAGS = ('sleeps', 'asleep', 'forgets_memory')
_WORDS = {'boot_id': 36, 'copy_disk': 80}


def upgrade() -> None:
    # Not as a batch: SQLite would build the table anew, and could not read an index on an expression that refers to it.
    for name in _FLAGS:
        op.add_column('container', sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.false()))
    for name, length in _WORDS.items():
        op.add_column('container', sa.Column(name, sa.String(length=length), nullable=False, server_default=''))
    op.add_column('container', sa.Column('copy_of', sa.Uuid(), nullable=True))
    op.create_index(op.f('ix_container_copy_of'), 'container', ['copy_of'], unique=False)

    op.create_table('container_console',
    sa.Column('container_id', sa.Integer(), nullable=False),
    sa.Column('text', sa.Text(), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['container_id'], ['container.id'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('container_id')
    )
    op.create_table('container_event',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('container_id', sa.Integer(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('kind', sa.String(length=32), nullable=False),
    sa.Column('text', sa.String(length=500), nullable=False),
    sa.ForeignKeyConstraint(['container_id'], ['container.id'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id')
    )
    with op.batch_alter_table('container_event', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_container_event_container_id'), ['container_id'], unique=False)


def downgrade() -> None:
    op.drop_table('container_event')
    op.drop_table('container_console')
    op.drop_index(op.f('ix_container_copy_of'), 'container')
    for name in ('copy_of', *_WORDS, *_FLAGS):
        op.drop_column('container', name)
