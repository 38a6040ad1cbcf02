"""tips: candidates, decisions, reactions, rewards, policies and actions"""

import sqlalchemy as sa
from alembic import op


revision = 'c81d5e3f0a27'
down_revision = '9e4b61d07c38'
branch_labels = None
depends_on = None

_STANDS = sa.text("state = 'standing'")


def _at(name, nullable=False):
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _of(name, table, key='id', nullable=False):
    return sa.Column(name, sa.Integer(), nullable=nullable), sa.ForeignKeyConstraint(
        [name], [f'{table}.{key}'], ondelete='SET NULL' if nullable else 'CASCADE'
    )


def upgrade() -> None:
    op.create_table(
        'tip_candidate',
        sa.Column('id', sa.Integer(), nullable=False),
        *_of('user_id', 'user_account'),
        sa.Column('kind', sa.String(length=40), nullable=False),
        sa.Column('target_type', sa.String(length=32), nullable=False),
        sa.Column('target_id', sa.String(length=64), nullable=False),
        sa.Column('slots', sa.JSON(), nullable=False),
        sa.Column('sentence', sa.String(length=110), nullable=False),
        sa.Column('action', sa.JSON(), nullable=False),
        sa.Column('phrased_by', sa.String(length=40), nullable=False),
        sa.Column('grounding', sa.JSON(), nullable=False),
        sa.Column('digest', sa.String(length=64), nullable=False),
        _at('made_at'),
        _at('expires_at'),
        sa.PrimaryKeyConstraint('id'),
        sa.UniqueConstraint('user_id', 'digest', name='ux_tip_candidate_user_digest'),
    )
    op.create_index('ix_tip_candidate_expires_at', 'tip_candidate', ['expires_at'])
    op.create_table(
        'tip_phrase',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('kind', sa.String(length=40), nullable=False),
        sa.Column('text', sa.String(length=200), nullable=False),
        sa.Column('alias', sa.String(length=40), nullable=False),
        sa.Column('model', sa.String(length=200), nullable=False),
        _at('made_at'),
        sa.PrimaryKeyConstraint('id'),
        sa.UniqueConstraint('kind', 'text', name='ux_tip_phrase_kind_text'),
    )
    _decisions()
    op.create_table(
        'tip_reaction',
        sa.Column('id', sa.Integer(), nullable=False),
        *_of('decision_id', 'tip_decision'),
        sa.Column('kind', sa.String(length=16), nullable=False),
        _at('at'),
        sa.Column('late', sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint('id'),
        sa.UniqueConstraint('decision_id', 'kind', name='ux_tip_reaction_decision_kind'),
    )
    op.create_table(
        'tip_reward',
        sa.Column('id', sa.Integer(), nullable=False),
        *_of('decision_id', 'tip_decision'),
        sa.Column('value', sa.Float(), nullable=True),
        sa.Column('parts', sa.JSON(), nullable=False),
        _at('settled_at'),
        sa.PrimaryKeyConstraint('id'),
        sa.UniqueConstraint('decision_id'),
    )
    _learning()


def _decisions() -> None:
    op.create_table(
        'tip_decision',
        sa.Column('id', sa.Integer(), nullable=False),
        *_of('user_id', 'user_account'),
        _at('at'),
        sa.Column('context', sa.JSON(), nullable=False),
        sa.Column('eligible', sa.JSON(), nullable=False),
        sa.Column('probabilities', sa.JSON(), nullable=False),
        sa.Column('opinions', sa.JSON(), nullable=False),
        *_of('candidate_id', 'tip_candidate', nullable=True),
        sa.Column('shown', sa.JSON(), nullable=False),
        sa.Column('propensity', sa.Float(), nullable=False),
        sa.Column('policy', sa.String(length=40), nullable=False),
        sa.Column('policy_version', sa.Integer(), nullable=False),
        sa.Column('stage', sa.String(length=16), nullable=False),
        sa.Column('seed', sa.BigInteger(), nullable=False),
        sa.Column('idempotency_key', sa.String(length=200), nullable=False),
        sa.Column('via', sa.String(length=16), nullable=False),
        sa.Column('state', sa.String(length=16), nullable=False),
        _at('activated_at', nullable=True),
        _at('snoozed_until', nullable=True),
        _at('ends_at'),
        sa.PrimaryKeyConstraint('id'),
    )
    op.create_index('ix_tip_decision_candidate_id', 'tip_decision', ['candidate_id'])
    op.create_index('ix_tip_decision_due', 'tip_decision', ['state', 'ends_at'])
    op.create_index('ix_tip_decision_user_at', 'tip_decision', ['user_id', 'at'])
    op.create_index(
        'ux_tip_decision_standing', 'tip_decision', ['user_id'],
        unique=True, sqlite_where=_STANDS, postgresql_where=_STANDS,
    )


def _learning() -> None:
    op.create_table(
        'tip_policy',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('name', sa.String(length=40), nullable=False),
        sa.Column('version', sa.Integer(), nullable=False),
        sa.Column('stage', sa.String(length=16), nullable=False),
        sa.Column('state', sa.JSON(), nullable=False),
        _at('updated_at'),
        _at('since'),
        sa.Column('predecessor_id', sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(['predecessor_id'], ['tip_policy.id'], ondelete='SET NULL'),
        sa.PrimaryKeyConstraint('id'),
        sa.UniqueConstraint('name', 'version', name='ux_tip_policy_name_version'),
    )
    op.create_table(
        'tip_gate_report',
        sa.Column('id', sa.Integer(), nullable=False),
        _at('at'),
        sa.Column('challenger', sa.String(length=60), nullable=False),
        sa.Column('incumbent', sa.String(length=60), nullable=False),
        sa.Column('outcome', sa.String(length=24), nullable=False),
        sa.Column('reasons', sa.JSON(), nullable=False),
        sa.Column('figures', sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint('id'),
    )
    op.create_table(
        'tip_learnt',
        *_of('reward_id', 'tip_reward'),
        *_of('policy_id', 'tip_policy'),
        _at('at'),
        sa.PrimaryKeyConstraint('reward_id', 'policy_id'),
    )
    op.create_index('ix_tip_learnt_policy_id', 'tip_learnt', ['policy_id'])
    op.create_table(
        'tip_action',
        sa.Column('id', sa.Integer(), nullable=False),
        *_of('decision_id', 'tip_decision'),
        sa.Column('verb', sa.String(length=40), nullable=False),
        sa.Column('target', sa.String(length=200), nullable=False),
        sa.Column('token_hash', sa.String(length=64), nullable=False),
        _at('expires_at'),
        _at('used_at', nullable=True),
        _at('undone_at', nullable=True),
        sa.Column('outcome', sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint('id'),
        sa.UniqueConstraint('decision_id'),
    )
    op.create_index('ix_tip_action_used_at', 'tip_action', ['used_at'])


def downgrade() -> None:
    for table in (
        'tip_gate_report', 'tip_action', 'tip_learnt', 'tip_policy', 'tip_reward', 'tip_reaction',
        'tip_decision', 'tip_phrase', 'tip_candidate',
    ):
        op.drop_table(table)
