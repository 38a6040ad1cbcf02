"""signals"""

import sqlalchemy as sa
from alembic import op


revision = 'c41a7e90d2b6'
down_revision = '7d3e9b0c52f1'
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_KEPT = 'the ledger of consents is only added to'


def _of_a_user() -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(['user_id'], ['user_account.id'], ondelete='CASCADE')


def upgrade() -> None:
    op.create_table('consent_entry',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('user_id', sa.Integer(), nullable=False),
    sa.Column('scope', sa.String(length=16), nullable=False),
    sa.Column('given', sa.Boolean(), nullable=False),
    sa.Column('at', _MOMENT, nullable=False),
    sa.Column('ip', sa.String(length=64), nullable=False),
    sa.Column('user_agent', sa.String(length=400), nullable=False),
    sa.Column('terms_version', sa.Integer(), nullable=False),
    _of_a_user(),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_table('connected_account',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('user_id', sa.Integer(), nullable=False),
    sa.Column('provider', sa.String(length=16), nullable=False),
    sa.Column('external_id', sa.String(length=255), nullable=False),
    sa.Column('label', sa.String(length=100), nullable=False),
    sa.Column('access_sealed', sa.Text(), nullable=False),
    sa.Column('refresh_sealed', sa.Text(), nullable=False),
    sa.Column('key_id', sa.String(length=16), nullable=False),
    sa.Column('scopes', sa.String(length=300), nullable=False),
    sa.Column('expires_at', _MOMENT, nullable=True),
    sa.Column('state', sa.String(length=16), nullable=False),
    sa.Column('fault', sa.String(length=300), nullable=False),
    sa.Column('refresh_until', _MOMENT, nullable=True),
    sa.Column('connected_at', _MOMENT, nullable=False),
    sa.Column('left_at', _MOMENT, nullable=True),
    _of_a_user(),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('user_id', 'provider')
    )
    op.create_table('signal_run',
    sa.Column('user_id', sa.Integer(), nullable=False),
    sa.Column('kind', sa.String(length=16), nullable=False),
    sa.Column('due_at', _MOMENT, nullable=True),
    sa.Column('failures', sa.Integer(), nullable=False),
    sa.Column('fault', sa.String(length=300), nullable=False),
    sa.Column('read_at', _MOMENT, nullable=True),
    _of_a_user(),
    sa.PrimaryKeyConstraint('user_id', 'kind')
    )
    op.create_table('tip_feature',
    sa.Column('user_id', sa.Integer(), nullable=False),
    sa.Column('name', sa.String(length=40), nullable=False),
    sa.Column('value', sa.Float(), nullable=False),
    sa.Column('detail', sa.JSON(), nullable=False),
    sa.Column('event_at', _MOMENT, nullable=False),
    sa.Column('computed_at', _MOMENT, nullable=False),
    sa.Column('expires_at', _MOMENT, nullable=False),
    _of_a_user(),
    sa.PrimaryKeyConstraint('user_id', 'name')
    )
    op.create_table('command_failure',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('user_id', sa.Integer(), nullable=False),
    sa.Column('container_id', sa.Integer(), nullable=False),
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.Column('at', _MOMENT, nullable=False),
    sa.ForeignKeyConstraint(['container_id'], ['container.id'], ondelete='CASCADE'),
    _of_a_user(),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_table('person_clock',
    sa.Column('user_id', sa.Integer(), nullable=False),
    sa.Column('time_zone', sa.String(length=64), nullable=False),
    sa.Column('quiet_from', sa.Integer(), nullable=True),
    sa.Column('quiet_until', sa.Integer(), nullable=True),
    _of_a_user(),
    sa.PrimaryKeyConstraint('user_id')
    )
    op.create_table('habit',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('user_id', sa.Integer(), nullable=False),
    sa.Column('name', sa.String(length=60), nullable=False),
    sa.Column('weekdays', sa.String(length=7), nullable=False),
    sa.Column('created_on', sa.Date(), nullable=False),
    sa.Column('archived_at', _MOMENT, nullable=True),
    _of_a_user(),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_table('habit_mark',
    sa.Column('habit_id', sa.Integer(), nullable=False),
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('at', _MOMENT, nullable=False),
    sa.ForeignKeyConstraint(['habit_id'], ['habit.id'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('habit_id', 'day')
    )
    op.create_table('mood_mark',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('user_id', sa.Integer(), nullable=False),
    sa.Column('mood', sa.Integer(), nullable=False),
    sa.Column('at', _MOMENT, nullable=False),
    _of_a_user(),
    sa.PrimaryKeyConstraint('id')
    )
    for name, table, columns in _indexes():
        op.create_index(name, table, columns)
    _guard_the_ledger()


def _indexes() -> list[tuple[str, str, list[str]]]:
    return [
        ('ix_consent_entry_user_scope', 'consent_entry', ['user_id', 'scope', 'id']),
        ('ix_connected_account_external', 'connected_account', ['provider', 'external_id']),
        ('ix_signal_run_due', 'signal_run', ['kind', 'due_at']),
        ('ix_tip_feature_computed_at', 'tip_feature', ['computed_at']),
        ('ix_command_failure_user_id', 'command_failure', ['user_id']),
        ('ix_command_failure_container_id', 'command_failure', ['container_id']),
        ('ix_command_failure_at', 'command_failure', ['at']),
        ('ix_habit_user_id', 'habit', ['user_id']),
        ('ix_mood_mark_user_at', 'mood_mark', ['user_id', 'at']),
    ]


def _guard_the_ledger() -> None:
    """Rows are never changed, and go only with their user."""
    if op.get_bind().dialect.name == 'postgresql':
        op.execute(f"""
            CREATE FUNCTION consent_entry_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                IF TG_OP = 'DELETE' AND NOT EXISTS (SELECT 1 FROM user_account WHERE id = OLD.user_id) THEN
                    RETURN OLD;
                END IF;
                RAISE EXCEPTION '{_KEPT}';
            END $$""")
        op.execute('CREATE TRIGGER consent_entry_kept BEFORE UPDATE OR DELETE ON consent_entry '
                   'FOR EACH ROW EXECUTE FUNCTION consent_entry_is_kept()')
        return
    op.execute(f"CREATE TRIGGER consent_entry_unchanged BEFORE UPDATE ON consent_entry "
               f"BEGIN SELECT RAISE(ABORT, '{_KEPT}'); END")
    op.execute(f"CREATE TRIGGER consent_entry_kept BEFORE DELETE ON consent_entry "
               f"WHEN EXISTS (SELECT 1 FROM user_account WHERE id = OLD.user_id) "
               f"BEGIN SELECT RAISE(ABORT, '{_KEPT}'); END")


def downgrade() -> None:
    for name, table, _ in reversed(_indexes()):
        op.drop_index(name, table_name=table)
    for table in ('mood_mark', 'habit_mark', 'habit', 'person_clock', 'command_failure', 'tip_feature', 'signal_run',
                  'connected_account', 'consent_entry'):
        op.drop_table(table)
    if op.get_bind().dialect.name == 'postgresql':
        op.execute('DROP FUNCTION consent_entry_is_kept()')
