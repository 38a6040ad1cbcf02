"""one-shot runs, and the stream of what happens that programs read"""

import sqlalchemy as sa
from alembic import op


revision = '3f8a61c2d947'
down_revision = 'd27c5b80e1f4'
branch_labels = None
depends_on = None


def _at(name: str, *, nullable: bool = False) -> sa.Column:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _of_user() -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(['user_id'], ['user_account.id'], ondelete='CASCADE')


def upgrade() -> None:
    op.create_table('one_shot_run',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('user_id', sa.Integer(), nullable=False),
    sa.Column('api_key', sa.String(length=16), nullable=False),
    sa.Column('container_type_id', sa.Integer(), nullable=True),
    sa.Column('container_id', sa.Integer(), nullable=True),
    sa.Column('command', sa.Text(), nullable=False),
    sa.Column('files', sa.JSON(), nullable=False),
    sa.Column('timeout_s', sa.Integer(), nullable=False),
    sa.Column('status', sa.String(length=16), nullable=False),
    sa.Column('stdout', sa.LargeBinary(), nullable=False),
    sa.Column('stderr', sa.LargeBinary(), nullable=False),
    sa.Column('truncated', sa.Boolean(), nullable=False),
    sa.Column('exit_code', sa.Integer(), nullable=True),
    sa.Column('duration_ms', sa.Integer(), nullable=True),
    sa.Column('error_code', sa.String(length=32), nullable=False),
    sa.Column('message', sa.String(length=500), nullable=False),
    _at('created_at'),
    _at('started_at', nullable=True),
    _at('finished_at', nullable=True),
    sa.Column('holder', sa.String(length=64), nullable=False),
    _at('claimed_until', nullable=True),
    _of_user(),
    sa.ForeignKeyConstraint(['container_type_id'], ['container_type.id'], ondelete='SET NULL'),
    sa.ForeignKeyConstraint(['container_id'], ['container.id'], ondelete='SET NULL'),
    sa.PrimaryKeyConstraint('id'),
    sqlite_autoincrement=True,
    )
    op.create_index('ix_one_shot_run_user', 'one_shot_run', ['user_id', 'id'])
    for name in ('container_id', 'status', 'created_at'):
        op.create_index(f'ix_one_shot_run_{name}', 'one_shot_run', [name])

    op.create_table('feed_event',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('user_id', sa.Integer(), nullable=False),
    sa.Column('kind', sa.String(length=32), nullable=False),
    sa.Column('container_id', sa.Integer(), nullable=True),
    sa.Column('run_id', sa.Integer(), nullable=True),
    sa.Column('data', sa.JSON(), nullable=False),
    _at('created_at'),
    _of_user(),
    sa.PrimaryKeyConstraint('id'),
    sqlite_autoincrement=True,
    )
    op.create_index('ix_feed_event_user', 'feed_event', ['user_id', 'id'])
    for name in ('container_id', 'created_at'):
        op.create_index(f'ix_feed_event_{name}', 'feed_event', [name])


def downgrade() -> None:
    op.drop_table('feed_event')
    op.drop_table('one_shot_run')
