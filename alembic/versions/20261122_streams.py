"""events that other programs read, and tips that are pushed to browsers"""

import sqlalchemy as sa
from alembic import op


revision = '9e4b61d07c38'
down_revision = 'c41a7e90d2b6'
branch_labels = None
depends_on = None


def _at(name: str, *, nullable: bool = False) -> sa.Column:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _of_user() -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(['user_id'], ['user_account.id'], ondelete='CASCADE')


def upgrade() -> None:
    op.create_table('stream_event',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('event_id', sa.String(length=36), nullable=False),
    sa.Column('type', sa.String(length=64), nullable=False),
    sa.Column('user_id', sa.Integer(), nullable=True),
    sa.Column('subject', sa.String(length=120), nullable=False),
    sa.Column('payload', sa.LargeBinary(), nullable=False),
    _at('created_at'),
    _at('mirrored_at', nullable=True),
    _of_user(),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('event_id')
    )
    op.create_index('ix_stream_event_user_id', 'stream_event', ['user_id'])
    op.create_index('ix_stream_event_created_at', 'stream_event', ['created_at'])
    waiting = sa.text('mirrored_at IS NULL')
    op.create_index('ix_stream_event_waiting', 'stream_event', ['id'], postgresql_where=waiting, sqlite_where=waiting)

    op.create_table('work_lease',
    sa.Column('work', sa.String(length=32), nullable=False),
    sa.Column('holder', sa.String(length=64), nullable=False),
    sa.Column('fence', sa.Integer(), nullable=False),
    _at('expires_at'),
    sa.PrimaryKeyConstraint('work')
    )
    op.create_table('push_subscription',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('user_id', sa.Integer(), nullable=False),
    sa.Column('endpoint_digest', sa.String(length=64), nullable=False),
    sa.Column('sealed', sa.Text(), nullable=False),
    sa.Column('host', sa.String(length=255), nullable=False),
    _at('created_at'),
    sa.Column('last_fault', sa.String(length=300), nullable=False),
    _at('last_fault_at', nullable=True),
    _of_user(),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('endpoint_digest')
    )
    op.create_index('ix_push_subscription_user_id', 'push_subscription', ['user_id'])
    op.create_table('telling',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('user_id', sa.Integer(), nullable=False),
    sa.Column('channel', sa.String(length=16), nullable=False),
    sa.Column('tip', sa.String(length=64), nullable=False),
    _at('at'),
    _of_user(),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_index('ix_telling_user_at', 'telling', ['user_id', 'at'])
    op.create_table('push_sent',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('telling_id', sa.Integer(), nullable=False),
    sa.Column('subscription_id', sa.Integer(), nullable=False),
    sa.Column('message', sa.JSON(), nullable=False),
    sa.Column('state', sa.String(length=16), nullable=False),
    sa.Column('tries', sa.Integer(), nullable=False),
    _at('next_try_at'),
    sa.Column('response_status', sa.Integer(), nullable=True),
    sa.Column('outcome', sa.String(length=300), nullable=False),
    _at('created_at'),
    _at('finished_at', nullable=True),
    sa.ForeignKeyConstraint(['subscription_id'], ['push_subscription.id'], ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['telling_id'], ['telling.id'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_index('ix_push_sent_telling_id', 'push_sent', ['telling_id'])
    op.create_index('ix_push_sent_subscription_id', 'push_sent', ['subscription_id'])
    op.create_index('ix_push_sent_due', 'push_sent', ['state', 'next_try_at'])


def downgrade() -> None:
    for table in ('push_sent', 'telling', 'push_subscription', 'work_lease', 'stream_event'):
        op.drop_table(table)
